"""What the demo assistant draws: new shapes with sizes and places, flowcharts, mind maps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

from agent import demo_words as w
from agent.demo_acts import GAP, Act, link, numbered, spot_for
from agent.demo_board import DemoBoard
from agent.demo_clauses import Create, Flow, MindMap
from sync.canvas.geometry import Box
from sync.canvas.layout import Layout, arrange
from sync.canvas.place import free_spot
from sync.canvas.schema import ShapeType
from sync.canvas.text import fit

MAX_SHAPES = 50  # of one call
CIRCLE = 96  # px: a circle or a square drawn without a size
TITLE_SIZE = 28  # px: font of a title or heading
FLOW_GAP = 80.0  # px between the boxes of a flowchart: room for an arrow
_WIDE = 0.9  # of the view; a row that is longer becomes a grid unless a row was asked for


def draw(wishes: Sequence[Create], board: DemoBoard) -> Act:
    """All shapes of some wishes as one block, in one call."""
    shapes = [shape for wish in wishes for shape in _shapes(wish)][:MAX_SHAPES]
    asked = sum(wish.count for wish in wishes)
    boxes = [Box(0, 0, shape["w"], shape["h"]) for shape in shapes]
    layout, columns = _layout(wishes[0], boxes, board)
    corners = arrange(layout, boxes, gap=GAP, columns=columns)
    width, height = _extent(corners, boxes)
    place = wishes[0].place
    spot = spot_for(place, width, height, board) if place else free(width, height, board)
    if isinstance(spot, Act):
        return spot
    for shape, (x, y) in zip(shapes, corners, strict=True):
        shape["x"], shape["y"] = round(spot[0] + x), round(spot[1] + y)
    what = " and ".join(_name(wish) for wish in wishes[:4])
    how = {"row": " in a row", "column": " in a column", "grid": " in a grid", "circle": " in a circle"}
    where = how.get(wishes[0].layout, "") if len(shapes) > 1 else ""
    limit = f" I draw at most {MAX_SHAPES} at a time." if asked > MAX_SHAPES else ""
    return Act(f"Drawing {what}{where}.{limit}", (("create", {"shapes": shapes}),))


def free(width: float, height: float, board: DemoBoard) -> tuple[float, float]:
    """Top-left of free space in view for a block."""
    return free_spot(width, height, [s.box for s in board.shapes if not s.is_connector], board.view)


def _extent(corners: Sequence[tuple[float, float]], boxes: Sequence[Box]) -> tuple[float, float]:
    """Width and height of boxes placed at corners that start at 0, 0."""
    placed = list(zip(corners, boxes, strict=True))
    return max(x + box.w for (x, _), box in placed), max(y + box.h for (_, y), box in placed)


def _shapes(wish: Create) -> list[dict[str, Any]]:
    count = min(wish.count, MAX_SHAPES)
    labels = numbered(wish.labels, count)
    result = []
    for n in range(count):
        text = labels[n] if n < len(labels) and len(labels) > 1 else labels[0] if len(labels) == 1 else ""
        shape: dict[str, Any] = {"type": wish.kind.type, **_size(wish, text)}
        if text:
            shape["text"] = text
        if wish.colours:
            field = "stroke" if wish.kind.type in ("text", "frame") else "fill"
            shape[field] = wish.colours[n % len(wish.colours)]
        result.append(shape)
    return result


def _size(wish: Create, text: str) -> dict[str, float]:
    kind = cast(ShapeType, wish.kind.type)
    font = TITLE_SIZE if wish.kind.noun in ("title", "heading") else 15
    style: dict[str, float] = {"font_size": font} if font != 15 else {}
    if wish.size is not None:
        return {"w": wish.size[0], "h": wish.size[1], **style}
    if kind == "text":
        font = round(font * wish.scale)
        width, height = fit(kind, text or "Text", font)
        return {"w": width, "h": height, "font_size": font}
    width, height = fit(kind, text, font)
    if wish.kind.equal:
        side = max(CIRCLE, width, height) if text else CIRCLE
        width = height = side
    return {"w": round(width * wish.scale), "h": round(height * wish.scale), **style}


def _layout(wish: Create, boxes: Sequence[Box], board: DemoBoard) -> tuple[Layout, int | None]:
    if wish.layout:
        return cast(Layout, wish.layout), wish.columns or None
    row = sum(box.w + GAP for box in boxes)
    return ("grid" if row > board.view.w * _WIDE and len(boxes) > 3 else "row"), None


def _name(wish: Create) -> str:
    size = {0.4: "tiny ", 0.6: "small ", 1.6: "big ", 2.5: "huge "}.get(wish.scale, "")
    colours = list(dict.fromkeys(wish.colours))
    colour = f"{colours[0]} " if len(colours) == 1 else "colourful " if len(colours) > 1 else ""
    count = min(wish.count, MAX_SHAPES)
    noun = "note" if wish.kind.noun in ("sticky", "postit", "post-it") else wish.kind.noun
    words = w.plural(count, f"{size}{colour}{noun}")
    return words if count > 1 else words.replace("1 ", "an " if words[2] in "aeiou" else "a ", 1)


def flow_boxes(wish: Flow, board: DemoBoard) -> Act:
    """The boxes of a flowchart; the first and the last are rounder, questions are diamonds."""
    shapes: list[dict[str, Any]] = []
    for n, text in enumerate(wish.nodes):
        kind = "diamond" if text.endswith("?") else "ellipse" if n in (0, len(wish.nodes) - 1) else "rect"
        width, height = fit(kind, text, 15)
        fill = {"diamond": "yellow", "ellipse": "green"}.get(kind, "blue")
        shapes.append({"type": kind, "text": text, "w": width, "h": height, "fill": fill})
    boxes = [Box(0, 0, s["w"], s["h"]) for s in shapes]
    is_wide = sum(box.w + FLOW_GAP for box in boxes) > board.view.w
    corners = arrange("column" if wish.down or is_wide else "row", boxes, gap=FLOW_GAP if not is_wide else GAP)
    left, top = free(*_extent(corners, boxes), board)
    for shape, (x, y) in zip(shapes, corners, strict=True):
        shape["x"], shape["y"] = round(left + x), round(top + y)
    return Act(f"Drawing a flowchart with {len(shapes)} steps.", (("create", {"shapes": shapes}),))


def flow_arrows(made: Sequence[str]) -> Act:
    """An arrow from each box of a flowchart to the next."""
    links = [link(a, b) for a, b in pairwise(made)]
    return Act("Now the arrows.", (("connect", {"connectors": links}),))


def map_boxes(wish: MindMap, board: DemoBoard) -> Act:
    """A topic with its branches on a circle around it."""
    topic_w, topic_h = fit("ellipse", wish.topic, 18)
    shapes: list[dict[str, Any]] = [
        {"type": "ellipse", "text": wish.topic, "w": topic_w, "h": topic_h, "fill": "violet", "font_size": 18}
    ]
    for n, text in enumerate(wish.branches):
        width, height = fit("rect", text, 15)
        shapes.append({"type": "rect", "text": text, "w": width, "h": height, "fill": w.RAINBOW[n % len(w.RAINBOW)]})
    spread = [Box(0, 0, max(s["w"], topic_w), max(s["h"], topic_h)) for s in shapes[1:]]
    ring = arrange("circle", spread, gap=GAP * 2) if len(spread) > 1 else [(topic_w + 2 * GAP, 0.0)]
    across, down = _extent(ring, spread)
    left, top = free(across, down, board)
    shapes[0]["x"], shapes[0]["y"] = round(left + (across - topic_w) / 2), round(top + (down - topic_h) / 2)
    for shape, (x, y), box in zip(shapes[1:], ring, spread, strict=True):
        shape["x"] = round(left + x + (box.w - shape["w"]) / 2)
        shape["y"] = round(top + y + (box.h - shape["h"]) / 2)
    return Act(f"Drawing a mind map about {wish.topic}.", (("create", {"shapes": shapes}),))


def map_lines(made: Sequence[str]) -> Act:
    """A line from the topic to each branch."""
    links = [link(made[0], branch, arrow=False) for branch in made[1:]]
    return Act("Now the branches.", (("connect", {"connectors": links}),))
