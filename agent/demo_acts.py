"""What the demo assistant does for a wish: words, and the tool calls with real coordinates. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from agent import demo_words as w
from agent.demo_board import DemoBoard, Seen, noun_of
from agent.demo_clauses import (
    Align,
    Arrange,
    Connect,
    Delete,
    Duplicate,
    Label,
    Move,
    Place,
    Recolour,
    Resize,
    Rotate,
    Target,
)
from sync.canvas.geometry import Box, union
from sync.canvas.layout import Layout

MAX_DELETE = 200  # what one call of the delete tool takes
MAX_PAIRS = 50  # connectors of one call
GAP = 40.0

Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Act:
    """Words, and the calls of one step. Without calls nothing more is done."""

    text: str
    calls: tuple[Call, ...] = ()


LOOK = Act("Let me look at the whole board.", (("look", {"scope": "all", "limit": 500}),))


def nothing(target: Target, board: DemoBoard) -> Act:
    """The honest sentence when a target means no shape; first the whole board is looked at, if not all was seen."""
    if board.unseen and target.pronoun != "selected":
        return LOOK
    if target.pronoun == "selected":
        return Act("Nothing is selected. Select some shapes and ask again.")
    if target.is_vague:
        return Act('I do not know which shapes you mean. Try "the blue circles", "the selected ones" or their label.')
    parts = [target.colour, target.kind.noun if target.kind else "shape"]
    label = f' with "{target.label}" on it' if target.label else ""
    return Act(f"I found no {' '.join(part for part in parts if part)}{label} here.")


def connect(wish: Connect, board: DemoBoard) -> Act:
    """Arrows between shapes."""
    starts = [s for s in board.find(wish.start) if not s.is_connector]
    if not starts:
        return nothing(wish.start, board)
    if wish.end is not None:
        ends = [s for s in board.find(wish.end) if not s.is_connector]
        if not ends:
            return nothing(wish.end, board)
        pairs = [(a, b) for a in starts for b in ends if a.id != b.id]
    else:
        if len(starts) < 2:
            return Act("It takes two shapes to connect.") if not board.unseen else LOOK
        starts = reading_order(starts)
        pairs = list(pairwise(starts))
        if wish.closed and len(starts) > 2:
            pairs.append((starts[-1], starts[0]))
    links = [link(a.id, b.id, wish.arrows, wish.label) for a, b in pairs[:MAX_PAIRS]]
    noun = "arrow" if wish.arrows else "line"
    return Act(f"Connecting them with {w.plural(len(links), noun)}.", (("connect", {"connectors": links}),))


def reading_order(shapes: list[Seen]) -> list[Seen]:
    """Row by row, each from the left: as a person would follow them. Half a shape up or down is the same row."""
    rows: list[list[Seen]] = []
    for shape in sorted(shapes, key=lambda s: s.box.y + s.box.h / 2):
        middle = shape.box.y + shape.box.h / 2
        if rows and middle - (rows[-1][0].box.y + rows[-1][0].box.h / 2) <= rows[-1][0].box.h / 2:
            rows[-1].append(shape)
        else:
            rows.append([shape])
    return [shape for row in rows for shape in sorted(row, key=lambda s: s.box.x)]


def link(start: str, end: str, arrow: bool = True, label: str = "") -> dict[str, Any]:
    """One connector for the connect tool."""
    return {
        "from": {"id": start},
        "to": {"id": end},
        "end_head": "arrow" if arrow else "none",
        **({"label": label} if label else {}),
    }


def recolour(wish: Recolour, board: DemoBoard) -> Act:
    """Another colour, or several in turn."""
    found = board.find(wish.target)
    if not found:
        return nothing(wish.target, board)
    by_set: dict[tuple[str, str], list[str]] = {}
    for n, shape in enumerate(found):
        field = "stroke" if shape.type in ("text", "draw", "connector") else wish.field
        by_set.setdefault((field, wish.colours[n % len(wish.colours)]), []).append(shape.id)
    changes = [{"ids": ids, "set": {field: colour}} for (field, colour), ids in by_set.items()]
    colours = " and ".join(dict.fromkeys(wish.colours)) if len(set(wish.colours)) < 4 else "colourful"
    return Act(f"Making {noun_of(found)} {colours}.", (("update", {"changes": changes}),))


def resize(wish: Resize, board: DemoBoard) -> Act:
    """Each shape about its own middle."""
    found = [s for s in board.find(wish.target) if not s.is_connector and s.type != "draw"]
    if not found:
        return nothing(wish.target, board)
    changes = []
    for shape in found:
        box = shape.box
        fx, fy = wish.factor if wish.axis != "y" else 1.0, wish.factor if wish.axis != "x" else 1.0
        new_w, new_h = wish.size or (max(round(box.w * fx), 4), max(round(box.h * fy), 4))
        x, y = round(box.centre[0] - new_w / 2), round(box.centre[1] - new_h / 2)
        changes.append({"ids": [shape.id], "set": {"x": x, "y": y, "w": new_w, "h": new_h}})
    how = "to size" if wish.size else "bigger" if wish.factor > 1 else "smaller"
    verb = "Bringing" if wish.size else "Making"
    return Act(f"{verb} {noun_of(found)} {how}.", (("update", {"changes": changes}),))


def move(wish: Move, board: DemoBoard) -> Act:
    """By a distance, or to a place as one group."""
    found = [s for s in board.find(wish.target) if not s.is_connector]
    around = union(s.box for s in found)
    if around is None:
        return nothing(wish.target, board)
    delta = wish.delta
    if wish.place is not None:
        ids = {s.id for s in found}
        spot = spot_for(wish.place, around.w, around.h, board, ids)
        if isinstance(spot, Act):
            return spot
        delta = (spot[0] - around.x, spot[1] - around.y)
    dx, dy = delta or (0.0, 0.0)
    arguments = {"ids": [s.id for s in found], "dx": round(dx), "dy": round(dy)}
    return Act(f"Moving {noun_of(found)}.", (("move", arguments),))


def spot_for(
    place: Place, width: float, height: float, board: DemoBoard, own: set[str] | None = None
) -> tuple[float, float] | Act:
    """Top-left of a block at a place, or the sentence why there is none."""
    if place.point is not None:
        return place.point
    if place.ref is None:
        cx, cy = board.view.centre
        return cx - width / 2, cy - height / 2
    found = [s for s in board.find(place.ref) if s.id not in (own or ()) and not s.is_connector]
    ref = union(s.box for s in found)
    if ref is None:
        return nothing(place.ref, board)
    x, y = ref.centre[0] - width / 2, ref.centre[1] - height / 2
    match place.side:
        case "left":
            return ref.x - GAP - width, y
        case "right":
            return ref.right + GAP, y
        case "above":
            return x, ref.y - GAP - height
        case "below":
            return x, ref.bottom + GAP
        case _:
            return x, y


def delete(wish: Delete, board: DemoBoard) -> Act:
    """Everything, or some; the tool takes twenty a call."""
    found = board.find(wish.target)
    lines = [s for s in board.shapes if s.is_connector]
    if not found and not (wish.target.pronoun == "all" and lines):
        if wish.target.pronoun == "all" and not board.total:
            return Act("The board is empty already.")
        return nothing(wish.target, board)
    if wish.target.pronoun == "all" and wish.target.kind is None:
        if board.unseen:
            return LOOK
        found = [*lines, *found]  # lines first, so that no call names one that went with its shape
    ids = [s.id for s in found if not s.locked]
    if not ids:
        return Act("They are locked, so I leave them.")
    parts = [ids[i : i + MAX_DELETE] for i in range(0, len(ids), MAX_DELETE)]
    calls = tuple(("delete", {"ids": part, "with_connectors": wish.target.pronoun != "all"}) for part in parts)
    return Act(f"Deleting {noun_of(found)}.", calls)


def arrange(wish: Arrange, board: DemoBoard) -> Act:
    """Row, column, grid or circle."""
    found = [s for s in board.find(wish.target) if not s.is_connector]
    if not found:
        return nothing(wish.target, board)
    layout: Layout = wish.layout  # type: ignore[assignment] # demo_language makes only layouts
    columns = {"columns": wish.columns} if wish.columns else {}
    arguments = {"ids": [s.id for s in found], "layout": layout, **columns}
    return Act(f"Putting {noun_of(found)} in a {wish.layout}.", (("arrange", arguments),))


def align(wish: Align, board: DemoBoard) -> Act:
    """One edge or centre line for all."""
    found = [s for s in board.find(wish.target) if not s.is_connector]
    around = union(s.box for s in found)
    if around is None:
        return nothing(wish.target, board)
    changes = []
    for shape in found:
        field, value = _aligned(shape.box, around, wish.edge)
        changes.append({"ids": [shape.id], "set": {field: round(value)}})
    return Act(f"Lining up {noun_of(found)}.", (("update", {"changes": changes}),))


def _aligned(box: Box, around: Box, edge: str) -> tuple[str, float]:
    match edge:
        case "left":
            return "x", around.x
        case "right":
            return "x", around.right - box.w
        case "center_x":
            return "x", around.centre[0] - box.w / 2
        case "top":
            return "y", around.y
        case "bottom":
            return "y", around.bottom - box.h
        case _:
            return "y", around.centre[1] - box.h / 2


def label(wish: Label, board: DemoBoard) -> Act:
    """Words on shapes: one each, or the same on all."""
    found = board.find(wish.target)
    if not found:
        return nothing(wish.target, board)
    texts = numbered(wish.texts, len(found))
    changes = [
        {"ids": [shape.id], "set": {"text": texts[n] if len(texts) > 1 else texts[0]}}
        for n, shape in enumerate(found[: len(texts)] if len(texts) > 1 else found)
    ]
    return Act(f"Labelling {noun_of(found[: len(changes)])}.", (("update", {"changes": changes}),))


def numbered(texts: Sequence[str], count: int) -> Sequence[str]:
    """`("1..",)` as numbers."""
    return [str(n + 1) for n in range(count)] if tuple(texts) == ("1..",) else texts


def rotate(wish: Rotate, board: DemoBoard) -> Act:
    """Each about its own middle."""
    found = [s for s in board.find(wish.target) if not s.is_connector]
    if not found:
        return nothing(wish.target, board)
    changes = [{"ids": [s.id], "set": {"rotation": (s.rotation + wish.degrees) % 360}} for s in found]
    return Act(f"Turning {noun_of(found)} by {wish.degrees:g}°.", (("update", {"changes": changes}),))


def duplicate(wish: Duplicate, board: DemoBoard) -> Act:
    """Copies below and to the right."""
    found = [s for s in board.find(wish.target) if not s.is_connector and s.type != "draw"][:MAX_PAIRS]
    if not found:
        return nothing(wish.target, board)
    shapes = [copy_of(shape) for shape in found]
    return Act(f"Copying {noun_of(found)}.", (("create", {"shapes": shapes}),))


def copy_of(shape: Seen) -> dict[str, Any]:
    """The same shape again, 40 px further."""
    box = shape.box
    field = "stroke" if shape.type in ("text", "frame") else "fill"
    copy: dict[str, Any] = {"type": shape.type, "x": box.x + GAP, "y": box.y + GAP, "w": box.w, "h": box.h}
    copy |= {"text": shape.text} if shape.text else {}
    copy |= {field: shape.colour} if shape.colour != "none" else {}
    return {**copy, **({"rotation": shape.rotation} if shape.rotation else {})}
