"""Reading what is to happen to shapes that are there: `make the blue ones bigger`, `connect them`. Pure.

Each reader answers None when the clause is not its own.
"""

from __future__ import annotations

import re

from agent import demo_words as w
from agent.demo_clauses import Align, Arrange, Connect, Delete, Duplicate, Label, Move, Recolour, Resize, Rotate, Target
from agent.demo_phrases import DEFINITE, columns_of, layout_of, listed, quoted, read_place, read_target, unquoted

NUDGE = 120.0  # px of "move it left"
_MAKE = r"(?:make|turn|change|set|colou?r|re-?colou?r|paint|fill|give)"

_NOUNS = "|".join(f"{noun}(?:e?s)?" for noun in [*w.KINDS, *w.GENERIC])


def read_delete(text: str) -> Delete | None:
    """`delete the red circles`, `clear the board`."""
    match = re.match(r"(?:delete|remove|erase|clear|get rid of|throw away|trash|wipe)\b(.*)", text, re.I)
    if match is None:
        return None
    rest = match[1].strip()
    if not rest or re.fullmatch(
        r"(?:the )?(?:board|canvas|page|whole board|everything|all|it all|all of it)(?: away)?", rest, re.I
    ):
        return Delete(Target(pronoun="all"))
    return Delete(read_target(rest))


def read_connect(text: str) -> Connect | None:
    """`connect them`, `connect A to B`, `draw an arrow from A to B`."""
    hidden, words = quoted(text)
    match = re.match(r"(?:connect|link|join)\b(?: up)?(.*)", hidden, re.I) or re.match(
        r"(?:draw|add|make|put|create|insert)\s+(?:an?\s+|some\s+|\w+\s+)?(?:arrow|line|connector|connection|link)s?\s+"
        r"(?:from|between)\b(.*)",
        hidden,
        re.I,
    )
    if match is None:
        return None
    arrows = not re.search(r"\b(?:lines?|without arrows?)\b", hidden, re.I)
    rest = match[1]
    label = ""
    labelled = re.search(r"\b(?:labell?ed|called|saying|with (?:the )?(?:label|text))\s+(.+)$", rest, re.I)
    if labelled is not None:
        label, rest = unquoted(labelled[1], words).strip("\"'“” "), rest[: labelled.start()]
    closed = bool(re.search(r"\b(?:ring|circle|loop|cycle)\b\s*$", rest, re.I))
    rest = re.sub(
        r"\b(?:in|into|as|to) (?:a |an )?(?:ring|circle|loop|cycle|order|row|line|chain)\b", "", rest, flags=re.I
    )
    rest = re.sub(r"\b(?:with|by|using) (?:an? |some )?(?:\w+ )?(?:arrow|line|connector)s?\b", "", rest, flags=re.I)
    rest = re.sub(r"\b(?:together|in order|with each other|one after the other)\b", "", rest, flags=re.I).strip()
    ends = re.match(r"(?:from |between )?(.+?)\s+(?:to|with|and|into)\s+(.+)$", rest, re.I)
    if ends is not None:
        start, end = (read_target(unquoted(part, words)) for part in ends.groups())
        return Connect(start, end, arrows=arrows, label=label)
    return Connect(read_target(unquoted(rest, words)), closed=closed, arrows=arrows, label=label)


def read_duplicate(text: str) -> Duplicate | None:
    """`duplicate the note`."""
    match = re.match(r"(?:duplicate|copy|clone)\b(.*)", text, re.I)
    return Duplicate(read_target(match[1])) if match else None


def read_rotate(text: str) -> Rotate | None:
    """`rotate them by 45 degrees`, `turn the box 90°`."""
    match = re.match(
        r"(?:rotate|turn|tilt|spin)\b(.*?)(?:\bby\b)?\s*(-?\d{1,3})\s*(?:°|degrees?|deg)?\s*(.*)$", text, re.I
    )
    if match is not None:
        sign = -1 if re.search(r"counter|anti|left", match[3], re.I) else 1
        return Rotate(read_target(match[1]), sign * float(match[2]))
    match = re.match(r"(?:rotate|tilt)\b(.*)", text, re.I)
    return Rotate(read_target(match[1]), 45.0 if "tilt" not in text.lower() else 15.0) if match else None


def read_align(text: str) -> Align | None:
    """`align them left`, `align the tops of the boxes`."""
    match = re.match(r"(?:align|line up|line(?= \w+ up\b))\b(.*)", text, re.I)
    if match is None or layout_of(match[1]):
        return None
    rest = match[1].lower()
    edge = next((e for e in ("left", "right", "top", "bottom") if re.search(rf"\b{e}(?:s|-most)?\b", rest)), "")
    if not edge:
        edge = "center_x" if re.search(r"\bvertical|\bcolumn", rest) else "center_y"
    cleaned = re.sub(
        r"\b(?:to|at|on|by|along|their|the|in)?\s*(?:left|right|top|bottom|cent(?:er|re)|middle|vertical|horizontal)"
        r"(?:ly|s)?\b(?: edges?| sides?| of)?",
        " ",
        match[1],
        flags=re.I,
    )
    return Align(read_target(cleaned), edge)


def read_arrange(text: str) -> Arrange | None:
    """`arrange them in a grid`, `put the notes in a circle`, `space them out evenly`."""
    match = re.match(
        r"(?:arrange|lay(?: out)?|organi[sz]e|tidy(?: up)?|sort|order|line up|line(?= \w+ up\b)|align)\b(.*)",
        text,
        re.I,
    )
    spread = re.match(r"(?:distribute|space(?: out)?|spread(?: out)?)\b(.*)", text, re.I)
    put = re.match(rf"(?:put|place|set|make|turn)\s+({DEFINITE}\b.*)", text, re.I)
    found = match or spread or put
    lining_up = bool(re.match(r"line|align|order|sort", text, re.I))
    if found is None or ((put or lining_up) and not layout_of(match[1] if match else text)):
        return None
    layout = layout_of(text) or ("column" if re.search(r"vertical|down", text, re.I) else "row" if spread else "grid")
    rest = re.sub(
        r"\b(?:(?:in|into|as|on|to|out|over)\s+)*(?:(?:an?|one|the)\s+)?(?:\d+\s*(?:x|by)\s*\d+\s+)?(?:rows?|lines?|columns?|grid|circle|ring|"
        r"stack|horizontal(?:ly)?|vertical(?:ly)?|evenly|side by side)\b.*$",
        "",
        found[1],
        flags=re.I,
    )
    return Arrange(read_target(re.sub(r"\b(?:out|up|evenly)\b", "", rest)), layout, columns_of(text))


def read_label(text: str) -> Label | None:
    """`label them A, B and C`, `rename the box to Login`, `write "Hi" on the note`, `number them`."""
    match = re.match(r"number\s+(.+)", text, re.I)
    if match is not None:
        return Label(read_target(re.sub(r"\bfrom\b.*", "", match[1])), ("1..",))
    match = re.match(
        r"(?:change|set|replace) the (?:text|label|name|title|words?) (?:of|on|in) (.+?) (?:to|with|by) (.+)$",
        text,
        re.I,
    ) or re.match(r"(?:rename|relabel|label|name|call|title)\s+(.+?)\s+(?:to|as|with)\s+(.+)$", text, re.I)
    if match is None:
        match = re.match(
            r"(?:label|name|call|rename)\s+((?:them|it|these|those|everything)(?: all)?)\s+(.+)$", text, re.I
        )
    if match is None:
        match = re.match(
            rf"(?:label|name|call|rename)\s+({DEFINITE}\s+(?:[\w-]+\s+)*?(?:{_NOUNS}))\s+(.+)$", text, re.I
        )
    if match is not None:
        return Label(read_target(match[1]), tuple(listed(match[2])))
    match = re.match(
        r"(?:write|put|type|add)\s+(?:the (?:text|words?|label) )?(.+?)\s+(?:on|in|into|inside|onto)\s+(.+)$",
        text,
        re.I,
    )
    if match is not None and ('"' in match[1] or "“" in match[1] or re.match("write|type", text, re.I)):
        target = read_target(match[2])
        if target.kind or target.pronoun or target.label:
            return Label(target, tuple(listed(match[1])))
    return None


def read_move(text: str) -> Move | None:
    """`move them left by 50`, `move the box to 100, 200`, `put it above the note`."""
    match = re.match(r"(?:move|shift|nudge|push|drag|slide|bring)\s+(.+)", text, re.I)
    put = re.match(rf"(?:put|place)\s+({DEFINITE}\b.+)", text, re.I)
    found = match or put
    if found is None:
        return None
    rest, place = read_place(found[1])
    if place is not None:
        return Move(read_target(rest), place=place)
    distance = re.search(r"(\d{1,5})\s*(?:px|pixels?)?\b", rest)
    size = float(distance[1]) if distance else NUDGE
    if not distance and re.search(r"\b(?:far|lot|much)\b", rest, re.I):
        size = 4 * NUDGE
    if not distance and re.search(r"\b(?:bit|little|slightly)\b", rest, re.I):
        size = NUDGE / 3
    dx = dy = 0.0
    for word in w.words(rest):
        ux, uy = w.DIRECTIONS.get(word, (0, 0))
        dx, dy = dx + ux * size, dy + uy * size
    if not (dx or dy):
        return None
    directions = "|".join(w.DIRECTIONS)
    cleaned = re.sub(
        rf"\b(?:by\s+)?\d{{1,5}}\s*(?:px|pixels?)?|\b(?:to the\s+)?(?:{directions})\b", " ", rest, flags=re.I
    )
    cleaned = re.sub(r"\b(?:far|a lot|much|a bit|a little|slightly|further|more|and|by)\b", " ", cleaned, flags=re.I)
    return Move(read_target(cleaned), delta=(dx, dy))


def read_recolour(text: str) -> Recolour | None:
    """`make the circles red`, `paint them blue and green`, `give it a red outline`."""
    match = re.match(rf"{_MAKE}\s+(.+)$", text, re.I)
    if match is None:
        return None
    rest = match[1]
    field = "stroke" if re.search(r"\b(?:outline|border|stroke|edges?)\b", rest, re.I) else "fill"
    rest = re.sub(
        r"\b(?:an?\s+)?(?=\S+\s+(?:outline|border|stroke))|\b(?:outlines?|borders?|strokes?|fill)\b",
        "",
        rest,
        flags=re.I,
    )
    if re.search(r"\b(?:rainbow|colou?rful|different colou?rs)\b", rest, re.I):
        subject = re.sub(
            r"\b(?:(?:in|into)\s+)?(?:the\s+)?(?:rainbow|colou?rful|different)(?: colou?rs?)?\b.*", "", rest, flags=re.I
        )
        return Recolour(read_target(subject), w.RAINBOW, field)
    words = rest.split()
    colours: list[str] = []
    while words:
        word = words[-1].strip(",.").lower()
        found = w.colour(word)
        if found is not None:
            colours.insert(0, found)
        elif word not in {
            "to",
            "in",
            "into",
            "with",
            "and",
            "or",
            "light",
            "dark",
            "bright",
            "colour",
            "color",
            "a",
            "all",
        }:
            break
        words.pop()
    if not colours or not words:
        return None
    if w.number(words[0].lower()) and not re.match(DEFINITE, rest, re.I):
        return None
    return Recolour(read_target(" ".join(words)), tuple(colours), field)


_FACTORS = (
    (r"\b(?:twice|double)(?: as (?:big|large)| the size| their size| its size)?\b", 2.0, "both"),
    (r"\b(?:three times|triple)(?: as (?:big|large)| the size)?\b", 3.0, "both"),
    (r"\b(?:half(?: as (?:big|large)| the size| their size| its size)?|halve)\b", 0.5, "both"),
    (r"\b(?:(?:a )?(?:bit|little) )(?:bigger|larger)\b", 1.25, "both"),
    (r"\b(?:much|a lot|way) (?:bigger|larger)\b", 2.0, "both"),
    (r"\b(?:much|a lot|way) smaller\b", 0.5, "both"),
    (r"\b(?:bigger|larger|big|large|huge|enlarge|grow)\b", 1.5, "both"),
    (r"\b(?:smaller|small|tiny|shrink|reduce)\b", 0.67, "both"),
    (r"\b(?:wider|wide|broader)\b", 1.5, "x"),
    (r"\b(?:narrower|thinner)\b", 0.67, "x"),
    (r"\b(?:taller|higher|longer)\b", 1.5, "y"),
    (r"\b(?:shorter|flatter|lower)\b", 0.67, "y"),
)


def read_resize(text: str) -> Resize | None:
    """`make the blue ones bigger`, `scale them by 2`, `resize the box to 200x100`, `shrink it`."""
    match = re.match(r"(?:resize|scale|enlarge|grow|shrink|reduce|double|halve|triple)\b(.*)", text, re.I)
    made = re.match(r"make\s+(.+)", text, re.I)
    found = match or made
    if found is None:
        return None
    rest = found[1]
    size = w.dimensions(rest)
    factor = re.search(r"\b(?:by|to)\s+(\d+(?:\.\d+)?)\s*(%|percent|times|x)?", rest, re.I)
    subject = re.split(r"\b(?:by|to|as)\s+\d|\b\d+\s*(?:x|by)\s*\d", rest, maxsplit=1, flags=re.I)[0]
    if size is not None:
        if made and w.number(rest.split()[0].lower()) and not re.match(DEFINITE, rest, re.I):
            return None
        return Resize(read_target(subject), size=size)
    if match and factor is not None:
        value = float(factor[1]) / (100 if factor[2] in ("%", "percent") or float(factor[1]) > 20 else 1)
        return Resize(read_target(subject), factor=min(max(value, 0.05), 20.0))
    for pattern, value, axis in _FACTORS:
        if re.search(pattern, text if match else rest, re.I):
            subject = re.sub(pattern, " ", rest, flags=re.I)
            noun_after = made and re.search(rf"{pattern}\s+\w", rest, re.I) and not re.match(DEFINITE, rest, re.I)
            return None if noun_after else Resize(read_target(subject), value, axis)
    return None
