"""The board as the demo assistant reads it: the very lines a model gets, plus what earlier calls answered. Pure.

Source of the format: agent/view.py and agent/lines.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent import demo_words as w
from agent.demo_clauses import Target
from agent.model import Item, text_of
from sync.canvas.geometry import Box

_LINE = re.compile(
    r'^(?P<id>"(?:[^"\\]|\\.)*"|\S+) (?P<type>rect|ellipse|diamond|triangle|note|text|frame|draw) '
    r'(?P<x>-?\d+),(?P<y>-?\d+) (?P<w>\d+)x(?P<h>\d+) (?P<colour>hsl\([^)]*\)|\S+)(?: (?P<text>"(?:[^"\\]|\\.)*"))?'
    r"(?P<rest>.*)$"
)
_CONNECTOR = re.compile(r'^(?P<id>"(?:[^"\\]|\\.)*"|\S+) connector (?P<from>\S+)->(?P<to>\S+) (?P<colour>\S+)')
_HEAD = re.compile(r"view (-?\d+),(-?\d+) (\d+)x(\d+); selected: (.*)$")
_COUNT = re.compile(r"^<board revision=\S+ shapes=(\d+)>", re.M)
CHANGED = re.compile(r"\[changed: ([^\]]*)\]")
"""What the thread says of an earlier run: which shapes it touched."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One shape as its line tells it."""

    id: str
    type: str
    box: Box
    colour: str
    text: str = ""
    rotation: float = 0
    locked: bool = False

    @property
    def is_connector(self) -> bool:
        """Whether it is an arrow or line between shapes."""
        return self.type == "connector"


@dataclass(frozen=True, slots=True)
class DemoBoard:
    """What can be known: shapes with a line, how many there are in all, what `selected` and `them` mean."""

    shapes: Sequence[Seen]
    total: int
    view: Box
    selected: tuple[str, ...]
    recent: tuple[str, ...]
    """Touched by this run so far, else by the one before."""
    is_own_recent: bool
    """`recent` is of this run."""

    @property
    def unseen(self) -> int:
        """Shapes that have no line."""
        return max(self.total - len(self.shapes), 0)

    def find(self, target: Target) -> list[Seen]:
        """The shapes a target means, in a good order; empty when there are none."""
        found = self._pool(target)
        if target.kind is not None:
            kind = target.kind
            found = [s for s in found if s.type == kind.type]
            if kind.equal or kind.noun in ("ellipse", "oval", "rectangle", "rect"):
                alike = [s for s in found if (abs(s.box.w - s.box.h) <= 2) == kind.equal]
                found = alike or found
        if target.colour:
            found = [s for s in found if s.colour == target.colour]
        if target.label:
            label = target.label.casefold()
            exact = [s for s in found if s.text.casefold() == label]
            found = exact or [s for s in found if label in s.text.casefold()]
        if target.pick:
            found = _picked(found, target.pick)
        return found[: target.count] if target.count else found

    def _pool(self, target: Target) -> list[Seen]:
        wants_lines = target.kind is not None and target.kind.type == "connector"
        every = [s for s in self.shapes if s.is_connector == wants_lines]
        by_id = {s.id: s for s in every}
        match target.pronoun:
            case "selected":
                return [by_id[i] for i in self.selected if i in by_id]
            case "them":
                for ids in (self.recent if self.is_own_recent else (), self.selected, self.recent):
                    found = [by_id[i] for i in ids if i in by_id]
                    if found:
                        return found
                return every if len(every) <= 12 or target.kind or target.colour else []
            case _:
                return every if not target.is_vague else []


def read_board(items: Iterable[Item]) -> DemoBoard:
    """The board of a request: the last view in it, lines from `look`, ids from earlier outputs and turns."""
    view, total = Box(-600, -400, 1200, 800), 0
    selected: tuple[str, ...] = ()
    lines: list[str] = []
    looked: list[str] = []
    recent: tuple[str, ...] = ()
    own: dict[str, None] = {}
    for item in items:
        text = text_of(item)
        if "<board " in text:
            head = next((m for line in text.splitlines() if (m := _HEAD.search(line))), None)
            if head is not None:
                view = Box(*(float(n) for n in head.groups()[:4]))
                selected = tuple(_ids(head[5])) if head[5] != "nothing" else ()
            count = _COUNT.search(text)
            total = int(count[1]) if count else 0
            lines = text.splitlines()
        elif item.get("role") == "assistant":
            changed = CHANGED.search(text)
            recent = tuple(changed[1].split()) if changed else recent
        elif item.get("role") == "user":
            own.clear()
        elif item.get("type") == "function_call_output":
            output = read_output(item)
            if output.get("ok"):
                own |= dict.fromkeys(_touched(output))
            looked += [line for line in output.get("lines") or () if isinstance(line, str)]
    shapes = {seen.id: seen for line in [*looked, *lines] if (seen := read_line(line)) is not None}
    return DemoBoard(list(shapes.values()), max(total, len(shapes)), view, selected, tuple(own) or recent, bool(own))


def read_output(item: Item) -> Mapping[str, Any]:
    """The JSON of a call's output, empty when it is none."""
    try:
        output = json.loads(str(item.get("output")))
    except ValueError:
        return {}
    return output if isinstance(output, dict) else {}


def read_line(line: str) -> Seen | None:
    """One line of the view, None for other lines."""
    match = _LINE.match(line)
    if match is not None:
        box = Box(float(match["x"]), float(match["y"]), float(match["w"]), float(match["h"]))
        turned = re.search(r"\brot=(-?\d+)", match["rest"])
        text = json.loads(match["text"].replace("<\\/", "</")) if match["text"] else ""
        rotation = float(turned[1]) if turned else 0.0
        is_locked = " locked" in match["rest"]
        return Seen(_plain(match["id"]), match["type"], box, match["colour"], text, rotation, is_locked)
    match = _CONNECTOR.match(line)
    if match is not None:
        return Seen(_plain(match["id"]), "connector", Box(0, 0, 0, 0), match["colour"])
    return None


def _plain(token: str) -> str:
    return str(json.loads(token)) if token.startswith('"') else token


def _ids(text: str) -> list[str]:
    return [_plain(token) for token in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', text)]


def _touched(output: Mapping[str, Any]) -> list[str]:
    rows = output.get("shapes")
    return [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row] if isinstance(rows, list) else []


def _picked(found: list[Seen], pick: str) -> list[Seen]:
    if not found:
        return []
    match pick:
        case "first":
            return found[:1]
        case "second":
            return found[1:2]
        case "third":
            return found[2:3]
        case "last":
            return found[-1:]
        case "left":
            return [min(found, key=lambda s: s.box.x)]
        case "right":
            return [max(found, key=lambda s: s.box.right)]
        case "top":
            return [min(found, key=lambda s: s.box.y)]
        case "bottom":
            return [max(found, key=lambda s: s.box.bottom)]
        case "biggest":
            return [max(found, key=lambda s: s.box.area)]
        case _:
            return [min(found, key=lambda s: s.box.area)]


def noun_of(shapes: Sequence[Seen]) -> str:
    """What to call some shapes: `3 circles`, `1 note`, `4 shapes`."""
    nouns = {_noun(shape) for shape in shapes}
    return w.plural(len(shapes), nouns.pop() if len(nouns) == 1 else "shape")


def _noun(shape: Seen) -> str:
    equal = abs(shape.box.w - shape.box.h) <= 2
    names = {"ellipse": "circle" if equal else "ellipse", "rect": "square" if equal else "box", "draw": "drawing"}
    return names.get(shape.type, shape.type)
