"""Reading what is to be drawn: `three big red circles in a row labelled A, B and C`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from agent import demo_words as w
from agent.demo_clauses import Create
from agent.demo_phrases import columns_of, layout_of, listed, quoted, read_place, unquoted

_VERB = re.compile(
    r"^(?:draw|sketch|create|add|make|insert|put|place|give(?: me)?|show(?: me)?|build|write|new|start with)\b\s*"
    r"(?:me |us )?",
    re.I,
)
_LABELS = re.compile(
    r"\s*(?:,?\s*(?:and\s+)?\b(?:labell?ed|called|named|titled|saying|that says?|that say|reading|"
    r"with (?:the )?(?:texts?|labels?|names?|words?|titles?)|for)\b:?|:)\s+(.+)$",
    re.I,
)
# Without a verb only a plain noun phrase counts: "three red circles".
_BARE = rf"(?:\d+|{'|'.join([*w.NUMBERS, *w.COLOURS, *w.SIZES, *w.KINDS])})\w*\b"
_TEXT = re.compile(r"^(?:write|type)\s+(.+)$|^(?:add|put|create|insert)\s+(?:the )?(?:text|words?)\s*:?\s+(.+)$", re.I)


def read_create(text: str) -> Iterator[Create]:
    """One Create a noun phrase; nothing when no known noun is in it."""
    if re.match(r"(?:write|tell|give)\b.*\b(?:poem|story|essay|letter|joke|song|email|code)\b", text, re.I):
        return
    body = _VERB.sub("", text)
    if body == text and not re.match(_BARE, text, re.I):
        return
    body, place = read_place(body)
    columns = columns_of(body)
    layout = layout_of(body)
    body, labels = _labels(body)
    phrases = [p for p in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", _without_layout(body)) if p.strip()]
    made: list[Create] = []
    colours: list[str] = []
    for phrase in phrases:
        found = _noun_phrase(phrase)
        if found is None:
            colours.extend(c for c in map(w.colour, w.words(phrase)) if c)
            continue
        if colours:  # "red, green and blue circles": the colours before the noun belong to it
            found = replace(found, colours=(*colours, *found.colours))
            if found.count == 1 and re.search(r"s$", phrase.strip()):
                found = replace(found, count=len(found.colours))
            colours = []
        made.append(found)
    if not made:
        words = _TEXT.match(text)
        if words is not None or (labels and re.match(r"(?:write|type)\b", text, re.I)):
            said = labels or tuple([(words[1] or words[2]).strip("\"'“” ")] if words else [])
            kind = w.kind("text")
            if kind is not None and said:
                yield Create(1, kind, labels=said, place=place)
        return
    if len(made) == 1 and labels and made[0].count == 1 and len(labels) > 1:
        # "a box for A, B and C" means one box each; "a note saying hello, friend" is one note.
        each = re.search(r"\bfor\b|\beach\b|:", text)
        one = [replace(made[0], count=len(labels))] if each else [replace(made[0], labels=(", ".join(labels),))]
        made, labels = one, labels if each else ()
    for position, create in enumerate(made):
        if labels:
            share = labels[position : position + 1] if len(made) > 1 else labels
            create = replace(create, labels=share)
        count = columns * _rows(body) if columns and _rows(body) else create.count
        yield replace(
            create,
            count=max(count, 1),
            layout=layout,
            columns=columns,
            place=place if not position else None,
        )


def _labels(body: str) -> tuple[str, tuple[str, ...]]:
    hidden, found = quoted(body)
    match = _LABELS.search(hidden)
    if match is not None:
        said = unquoted(match[1], found)
        said = re.sub(r"\s+(?:in|as) (?:a |one )?(?:row|line|column|grid|circle|ring)$", "", said, flags=re.I)
        return hidden[: match.start()] + _layout_tail(match[1]), tuple(listed(said))
    if found:
        return re.sub(r"⟦\d+⟧", " ", hidden), tuple(found)
    if re.search(r"\bnumbered\b", hidden, re.I):
        return re.sub(r"\bnumbered\b", "", hidden, flags=re.I), ("1..",)
    return hidden, ()


def _layout_tail(text: str) -> str:
    match = re.search(r"\s+(?:in|as) (?:a |one )?(?:row|line|column|grid|circle|ring)$", text, re.I)
    return match[0] if match else ""


def _without_layout(body: str) -> str:
    return re.sub(
        r"\b(?:in|into|as|on|around)\s+(?:a\s+|an\s+|one\s+)?"
        r"(?:(?:\d+|big|large|small|two|three|four)\s*(?:x|by|×)?\s*(?:\d+\s+)?)?"
        r"(?:rows?|lines?|columns?|grid|circle|ring|stack)\b(?:\s+of\s+\w+)?|"
        r"\bside by side\b|\bhorizontal(?:ly)?\b|\bvertical(?:ly)?\b|"
        r"\b(?:an?\s+)?(?:\d+\s*(?:x|by|×)\s*\d+\s+)?(?:grid|row|column|line|ring)\s+of\b|"
        r"\b\w+ rows of(?=\s+\w+)",
        " ",
        body,
        flags=re.I,
    )


def _rows(body: str) -> int:
    match = re.search(
        r"(\d{1,2})\s*(?:x|×|by)\s*(\d{1,2})\s+grid|grid of (\d{1,2})\s*(?:x|×|by)\s*(\d{1,2})", body, re.I
    )
    if match:
        return int(match[2] or match[4])
    match = re.search(r"(\d{1,2}|two|three|four|five) rows of", body, re.I)
    return (w.number(match[1].lower()) or 0) if match else 0


def _noun_phrase(phrase: str) -> Create | None:
    size = w.dimensions(phrase)
    count, scale, kind = 0, 1.0, None
    colours: list[str] = []
    plural = False
    for word in w.words(phrase):
        value, found, tint = w.number(word), w.kind(word), w.colour(word)
        if found is not None:
            # "text box", "sticky note", "arrow shape": the last noun wins, except after "sticky".
            kind = found if kind is None or kind.noun not in ("sticky", "text") else kind
            plural = plural or w.singular(word) != word
        elif tint is not None:
            colours.append(tint)
        elif word in w.SIZES:
            scale = w.SIZES[word]
        elif value is not None and not count and not (size and word.isdigit() and value in size):
            count = value
        elif word in ("colourful", "colorful", "rainbow"):
            colours.extend(w.RAINBOW)
    if kind is None or kind.type == "connector":
        return None
    side = re.search(r"(\d{2,4})\s*(?:px|pixels?)", phrase)
    if size is None and side is not None and not plural:
        size = (float(side[1]), float(side[1]))
    return Create(count or (3 if plural else 1), kind, tuple(colours), (), scale, size)
