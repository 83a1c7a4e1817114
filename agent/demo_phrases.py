"""Phrases inside a clause: quotes, lists, layouts, which shapes are meant, where. Pure."""

from __future__ import annotations

import re

from agent import demo_words as w
from agent.demo_clauses import Place, Target

DEFINITE = r"(?:the|them|it|these|those|this|that|all|every|everything|each|both|my|our|selected|selection)"
_QUOTE = re.compile(r"\"([^\"]*)\"|“([^”]*)”|(?<!\w)'([^']*)'(?!\w)")
_MARK = re.compile(r"⟦(\d+)⟧")
_PRONOUNS = {
    "them": "them", "it": "them", "these": "them", "those": "them", "this": "them", "that": "them", "both": "them",
    "selected": "selected", "selection": "selected", "all": "all", "every": "all", "everything": "all", "each": "all",
}  # fmt: skip
_STOP_WORDS = """
a an the of my our on in with and to for at by from is are be please there here ones one shapes shape thing things
color colour coloured colored board canvas that's which who so little bit size page together now again their its
as some labelled labeled named called saying says reading titled word words text
"""
_STOP = frozenset(_STOP_WORDS.split())
_SIDES = {
    "left of": "left", "right of": "right", "above": "above", "over": "above", "on top of": "above", "below": "below",
    "under": "below", "underneath": "below", "beneath": "below", "inside": "inside", "into": "inside",
    "next to": "right", "beside": "right", "near": "right",
}  # fmt: skip
_PLACE = re.compile(
    r"\s*\b(?:to the |to |on the |just |right )?"
    r"(left of|right of|above|over|on top of|below|under|underneath|beneath|inside|into|next to|"
    r"beside|near)\s+(.+)$",
    re.I,
)
_MIDDLE = re.compile(
    r"\s*\b(?:to|in|into|at)\s+the\s+(?:middle|cent(?:er|re))(?: of (?:the )?(?:board|view|screen|page))?\b", re.I
)
_POINT = re.compile(r"\s*\b(?:to|at)\s*\(?\s*(-?\d{1,6})\s*[,; ]\s*(-?\d{1,6})\s*\)?", re.I)


def quoted(text: str) -> tuple[str, list[str]]:
    """The text with each quotation replaced by a mark, and the quotations."""
    found: list[str] = []

    def hide(match: re.Match[str]) -> str:
        found.append(next(group for group in match.groups() if group is not None))
        return f"⟦{len(found) - 1}⟧"

    return _QUOTE.sub(hide, text.replace("⟦", "[").replace("⟧", "]")), found


def unquoted(text: str, found: list[str]) -> str:
    """The marks turned back into quotations."""
    return _MARK.sub(lambda match: f'"{found[int(match[1])]}"', text)


def listed(text: str) -> list[str]:
    """`A, B and C` -> [A, B, C]; quotations are kept whole; `1 to 4` counts."""
    counting = re.fullmatch(r"\s*(\d{1,3})\s*(?:to|-|\.\.+|–)\s*(\d{1,3})\s*", text)
    if counting and int(counting[1]) <= int(counting[2]) <= int(counting[1]) + 49:
        return [str(n) for n in range(int(counting[1]), int(counting[2]) + 1)]
    hidden, found = quoted(text)
    parts = re.split(r"\s*(?:,\s*(?:and\s+)?|;\s*|\s+and\s+|\s+&\s+)\s*", hidden)
    items = [unquoted(part, found).strip().strip("\"'“”").strip(" .") for part in parts]
    return [item for item in items if item]


def layout_of(text: str) -> str:
    """row, column, grid or circle when the text asks for one."""
    low = text.lower()
    if re.search(r"\bgrid\b|\bmatrix\b|\b\d+ rows? of\b|\brows and columns\b|\b(?:two|three|four|five) rows\b", low):
        return "grid"
    if re.search(r"\b(?:in|into|as|around) (?:a |one )?(?:big |large |small )?(?:circle|ring|loop)\b", low):
        return "circle"
    if re.search(
        r"\bcolumns?\b|\bvertical(?:ly)?\b|\bstack(?:ed)?\b|\bon top of each other\b|\bbelow each other\b", low
    ):
        return "column"
    if re.search(
        r"\b(?:in|into|as|on|out in) (?:a |one )?(?:row|line)\b|\bhorizontal(?:ly)?\b|\bside by side\b|\brow of\b", low
    ):
        return "row"
    return ""


def columns_of(text: str) -> int:
    """Columns of a grid when said: `3x4 grid` (3 wide), `2 rows of 5`, `with 4 columns`; else 0."""
    low = text.lower()
    number = r"(\d{1,2}|two|three|four|five|six|seven|eight)"
    for pattern in (
        rf"{number}\s*(?:x|×|by)\s*(?:\d{{1,2}}|\w+)\s+grid",
        rf"rows? of {number}\b",
        rf"{number} columns?\b",
    ):
        match = re.search(pattern, low)
        if match:
            return w.number(match[1]) or 0
    match = re.search(r"grid of (\d{1,2})\s*(?:x|×|by)\s*\d{1,2}", low)
    return int(match[1]) if match else 0


def read_place(text: str) -> tuple[str, Place | None]:
    """A place at the end of a phrase, and the phrase without it."""
    match = _MIDDLE.search(text)
    if match is not None:
        return text[: match.start()] + text[match.end() :], Place(side="middle")
    match = _POINT.search(text)
    if match is not None:
        point = (float(match[1]), float(match[2]))
        return text[: match.start()] + text[match.end() :], Place(point=point)
    match = _PLACE.search(text)
    if match is not None and "each other" not in match[2]:
        return text[: match.start()], Place(side=_SIDES[match[1].lower()], ref=read_target(match[2]))
    return text, None


def read_target(text: str) -> Target:
    """Which shapes a phrase means."""
    hidden, found = quoted(text)
    pronoun, colour, pick, kind = "", "", "", None
    count = 0
    rest: list[str] = []
    for word in re.findall(r"⟦\d+⟧|#[0-9a-fA-F]{6}\b|[\w'.-]+", hidden):
        low = word.lower().strip(".'")
        if low in _PRONOUNS:
            # "all the boxes" and "these boxes" narrow by kind; "selected" always counts.
            pronoun = _PRONOUNS[low] if not pronoun or low in ("selected", "selection") else pronoun
        elif low in w.ORDINALS:
            pick = w.ORDINALS[low]
        elif kind is None and w.kind(low) is not None and low not in ("text", "label", "title"):
            kind = w.kind(low)
        elif not colour and w.colour(low) is not None:
            colour = w.colour(low) or ""
        elif w.is_generic(low) or low in _STOP:
            continue
        elif w.number(low) is not None and not word.isdigit():
            count = w.number(low) or 0
        elif word.isdigit() and not found:
            count = int(word[:4])
        elif not word.startswith("⟦"):
            rest.append(word)
    label = found[0] if found else " ".join(rest)
    if kind is None and re.search(r"\btexts?\b|\btitles?\b|\blabels\b", hidden, re.I) and not label:
        kind = w.kind("text")
    if not (pronoun or kind or colour or label or pick) and re.search(r"\b(?:ones|shapes|things)\b", hidden, re.I):
        pronoun = "all"
    return Target(pronoun, kind, colour, label, pick, count)
