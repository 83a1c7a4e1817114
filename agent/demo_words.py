"""The vocabulary of the demo assistant: numbers, colours, kinds, sizes, directions. Pure tables and readers."""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBERS = {
    "a": 1, "an": 1, "one": 1, "single": 1, "another": 1, "two": 2, "couple": 2, "pair": 2, "three": 3, "few": 3,
    "some": 3, "four": 4, "several": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "dozen": 12, "fifteen": 15, "twenty": 20,
}  # fmt: skip

COLOURS = {
    "black": "black", "grey": "grey", "gray": "grey", "silver": "grey", "white": "white", "slate": "slate",
    "red": "red", "crimson": "red", "orange": "orange", "brown": "orange", "yellow": "yellow", "gold": "yellow",
    "golden": "yellow", "green": "green", "lime": "green", "olive": "green", "teal": "teal", "turquoise": "teal",
    "cyan": "teal", "aqua": "teal", "blue": "blue", "navy": "blue", "violet": "violet", "purple": "violet",
    "lilac": "violet", "indigo": "violet", "pink": "pink", "magenta": "pink", "rose": "pink",
}  # fmt: skip

RAINBOW = ("red", "orange", "yellow", "green", "teal", "blue", "violet", "pink")

KINDS = {
    "circle": ("ellipse", True), "dot": ("ellipse", True), "ball": ("ellipse", True), "bubble": ("ellipse", True),
    "ellipse": ("ellipse", False), "oval": ("ellipse", False), "square": ("rect", True), "rectangle": ("rect", False),
    "rect": ("rect", False), "box": ("rect", False), "card": ("rect", False), "button": ("rect", False),
    "diamond": ("diamond", False), "rhombus": ("diamond", False), "decision": ("diamond", False),
    "triangle": ("triangle", False), "note": ("note", False), "sticky": ("note", False), "postit": ("note", False),
    "post-it": ("note", False), "text": ("text", False), "title": ("text", False), "heading": ("text", False),
    "label": ("text", False), "caption": ("text", False), "frame": ("frame", False), "section": ("frame", False),
    "arrow": ("connector", False), "line": ("connector", False), "connector": ("connector", False),
    "connection": ("connector", False), "link": ("connector", False),
}  # fmt: skip
"""Word -> (shape type, equal sides)."""

GENERIC = frozenset({"shape", "thing", "item", "element", "object", "one", "node", "everything", "all", "stuff"})

SIZES = {
    "tiny": 0.4, "little": 0.6, "small": 0.6, "smaller": 0.67, "medium": 1.0, "normal": 1.0, "big": 1.6,
    "bigger": 1.5, "large": 1.6, "larger": 1.5, "huge": 2.5, "giant": 2.5, "enormous": 3.0,
}  # fmt: skip

DIRECTIONS = {
    "left": (-1, 0), "right": (1, 0), "up": (0, -1), "upwards": (0, -1), "down": (0, 1), "downwards": (0, 1),
}  # fmt: skip

ORDINALS = {
    "first": "first", "second": "second", "third": "third", "last": "last", "leftmost": "left", "rightmost": "right",
    "topmost": "top", "highest": "top", "bottommost": "bottom", "lowest": "bottom", "biggest": "biggest",
    "largest": "biggest", "smallest": "smallest",
}  # fmt: skip

_WORD = re.compile(r"#[0-9a-f]{6}\b|[\w'-]+|\d+")


def words(text: str) -> list[str]:
    """The words of a phrase in small letters."""
    return _WORD.findall(text.lower())


def number(word: str) -> int | None:
    """`three`, `3`, `a` -> a count."""
    if word.isdigit():
        return int(word[:6])
    return NUMBERS.get(word)


def colour(word: str) -> str | None:
    """A palette name or `#rrggbb`; `reddish`, `blues` and the like are understood."""
    if word.startswith("#"):
        return word
    for candidate in (word, word.rstrip("s"), word.removesuffix("ish"), word.removesuffix("dish")):
        if candidate in COLOURS:
            return COLOURS[candidate]
    return None


def singular(word: str) -> str:
    """`boxes` -> `box`, `circles` -> `circle`."""
    for ending, instead in (("xes", "x"), ("sses", "ss"), ("ies", "y"), ("ses", "se"), ("s", "")):
        if len(word) > len(ending) + 1 and word.endswith(ending):
            return word[: -len(ending)] + instead
    return word


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of shape a noun means. `noun` is the person's own word, for the answer."""

    type: str
    equal: bool
    noun: str


def kind(word: str) -> Kind | None:
    """The kind a noun names, None when it names none."""
    for candidate in (word, singular(word)):
        if candidate in KINDS:
            found, equal = KINDS[candidate]
            return Kind(found, equal, candidate)
    return None


def is_generic(word: str) -> bool:
    """Whether the noun stands for any shape."""
    return word in GENERIC or singular(word) in GENERIC


def dimensions(text: str) -> tuple[float, float] | None:
    """`120x80`, `120 by 80` -> (w, h) px."""
    match = re.search(r"\b(\d{1,5})\s*(?:px)?\s*(?:x|×|by)\s*(\d{1,5})\b", text.lower())
    return (float(match[1]), float(match[2])) if match else None


def plural(count: int, noun: str) -> str:
    """`1 circle`, `3 boxes`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun}{'es' if noun.endswith(('x', 'ss')) else 's'}"
