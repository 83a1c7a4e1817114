"""diagram: a whole diagram from its structure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal

from pydantic import Field

from agent.lines import clean
from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Arguments, Colour, Gap, Point
from agent.tools.connect import Connector, EndPoint, create_connector
from agent.tools.create import made_by, stroke_for
from agent.tools.lookup import geometry, view_box
from sync.canvas.canvas import Canvas
from sync.canvas.flow import flow
from sync.canvas.geometry import Box
from sync.canvas.layout import Direction
from sync.canvas.place import GAP, free_spot, in_the_way
from sync.canvas.render import CONNECTOR_TEXT
from sync.canvas.route import Point as Spot
from sync.canvas.route import line_of
from sync.canvas.schema import DEFAULT_STYLE, MAX_TEXT, SHAPE_FIELDS, End, ShapeId
from sync.canvas.shape import Shape
from sync.canvas.text import fit, measure

MAX_NODES = 60  # more cannot be read as one diagram; frames or several calls serve better
MAX_EDGES = 120
MAX_GROUPS = 20
LAYER_GAP = 60.0  # px, default
LABEL_ROOM = 40.0  # px of a line that stay visible beside its label


class Node(Arguments):
    """One box."""

    key: str = Field(max_length=64, description="unique")
    text: str = Field(max_length=MAX_TEXT, description="label")
    type: Literal["rect", "ellipse", "diamond", "triangle", "note"] | None = Field(
        default=None, description="default rect; diamond for decisions, ellipse for start and end"
    )
    fill: Colour | None = None
    group: str | None = Field(default=None, description="key of a group")


class Arrow(Arguments):
    """One arrow."""

    source: str = Field(alias="from", description="node key")
    target: str = Field(alias="to", description="node key")
    label: str | None = Field(default=None, max_length=MAX_TEXT)
    dashed: bool | None = None


class Section(Arguments):
    """A frame around nodes."""

    key: str = Field(max_length=64, description="unique")
    title: str = Field(max_length=MAX_TEXT, description="frame title")


class Diagram(Tool):
    """Make a whole diagram from its structure: text is measured, nodes stand in layers along the arrows, groups get
    titled frames, connectors are bound and led around boxes. Prefer it to create and connect for what has arrows."""

    name: ClassVar[str] = "diagram"
    strict: ClassVar[bool] = False
    max_created: ClassVar[int] = MAX_NODES + MAX_EDGES + MAX_GROUPS

    nodes: list[Node] = Field(min_length=1, max_length=MAX_NODES)
    edges: list[Arrow] = Field(default_factory=list, max_length=MAX_EDGES)
    groups: list[Section] = Field(default_factory=list, max_length=MAX_GROUPS)
    direction: Direction = Field(default="down", description="in which the arrows run")
    at: Point | None = Field(default=None, description="top-left; left out = free space in view")
    gap: Gap | None = Field(default=None, description="px between layers, default 60")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages frames, nodes and connectors, in this order from below."""
        place = _numbered([node.key for node in self.nodes], "nodes")
        sections = _numbered([group.key for group in self.groups], "groups")
        edges = [self._edge(at, arrow, place) for at, arrow in enumerate(self.edges)]
        within = {
            at: _number(sections, node.group, f"nodes.{at}.group")
            for at, node in enumerate(self.nodes)
            if node.group is not None
        }
        boxes = _sizes(self.nodes)
        made = flow(
            boxes, edges, within, direction=self.direction, gap=GAP, layer_gap=self._layer_gap(), padding=GAP
        )  # fmt: skip
        left, top = self._corner(canvas, context, *made.size)
        frames = {
            group: _frame(canvas, context, self.groups[group].title, box.moved(left, top))
            for group, box in sorted(made.frames.items())
        }
        nodes: list[Shape] = []
        for at, (node, box, (x, y)) in enumerate(zip(self.nodes, boxes, made.corners, strict=True)):
            parent = frames[within[at]].id if at in within else None
            nodes.append(_node(canvas, context, node, box.moved(left + x, top + y), parent))
        standing = {shape.id: shape.box for shape in nodes}
        lines = [
            self._connect(canvas, context, arrow, nodes[a], nodes[b], standing)
            for arrow, (a, b) in zip(self.edges, edges, strict=True)
        ]
        rows = geometry(canvas, [shape.id for shape in nodes])
        for row, node in zip(rows, self.nodes, strict=True):
            row["key"] = node.key
        output: dict[str, Any] = {"shapes": rows, "connectors": [shape.id for shape in lines]}
        if frames:
            output["frames"] = [
                {"key": self.groups[group].key, **geometry(canvas, [frame.id])[0]} for group, frame in frames.items()
            ]
        label = f"Drew a diagram of {len(nodes)} box{'' if len(nodes) == 1 else 'es'}"
        targets = (*(frame.id for frame in frames.values()), *standing, *(line.id for line in lines))
        return Result(output, label, targets)

    def _edge(self, at: int, arrow: Arrow, place: Mapping[str, int]) -> tuple[int, int]:
        start, end = _number(place, arrow.source, f"edges.{at}.from"), _number(place, arrow.target, f"edges.{at}.to")
        if start == end:
            raise ToolError("INVALID", "both ends are one node", path=f"edges.{at}", why="both ends are one")
        return start, end

    def _layer_gap(self) -> float:
        """Wide enough that a label leaves some of its line visible."""
        gap = LAYER_GAP if self.gap is None else self.gap
        is_level = self.direction in ("right", "left")
        for arrow in self.edges:
            if arrow.label:
                w, h = measure(arrow.label, 13, CONNECTOR_TEXT)
                gap = max(gap, (w if is_level else h) + LABEL_ROOM)
        return float(round(gap))

    def _corner(self, canvas: Canvas, context: ToolContext, w: float, h: float) -> tuple[float, float]:
        if self.at is not None:
            return self.at.x, self.at.y
        view = view_box(context)
        taken = [box for shape, box in in_the_way(canvas, w, view) if shape.type != "connector"]
        return free_spot(w, h, taken, view)

    def _connect(
        self, canvas: Canvas, context: ToolContext, arrow: Arrow, a: Shape, b: Shape, boxes: Mapping[ShapeId, Box]
    ) -> Shape:
        wanted = Connector.model_validate({"from": EndPoint(id=a.id), "to": EndPoint(id=b.id)})
        others = [box for shape, box in boxes.items() if shape not in (a.id, b.id)]
        # The first of the ways that meets the fewest boxes: they come in order of how natural they look.
        ways = _ways(a, b, self.direction)
        source, target, route = min(ways, key=lambda way: _met(canvas, way, others))
        best = wanted.model_copy(update={"route": route, "label": arrow.label, "dashed": arrow.dashed})
        return create_connector(canvas, context, best, source, target)


Way = tuple[End, End, Literal["straight", "elbow"]]

_OUT: Mapping[Direction, tuple[str, str]] = {
    "down": ("bottom", "top"), "up": ("top", "bottom"), "right": ("right", "left"), "left": ("left", "right"),
}  # fmt: skip


def _ways(a: Shape, b: Shape, direction: Direction) -> list[Way]:
    """Ways to lead a line from a to b: straight when they face each other, by an elbow, round one side.

    A line that runs back goes round first: it would lie on one that runs forward.
    """
    (ax, ay), (bx, by) = a.box.centre, b.box.centre
    is_level = direction in ("right", "left")
    around = ("bottom", "top") if is_level else ("right", "left")
    forward = {"down": by - ay, "up": ay - by, "right": bx - ax, "left": ax - bx}[direction]
    sides = [*((side, side) for side in around)]
    sides = [_OUT[direction], *sides] if forward > 0 else [*sides, _OUT[direction]]
    elbows: list[Way] = [(_end(a, out), _end(b, into), "elbow") for out, into in sides]
    is_facing = forward > 0 and (abs(ay - by) < 1 if is_level else abs(ax - bx) < 1)
    return [(_end(a, None), _end(b, None), "straight"), *elbows] if is_facing else elbows


def _end(shape: Shape, anchor: str | None) -> End:
    return End(id=shape.id, anchor=anchor) if anchor else End(id=shape.id)  # type: ignore[typeddict-item] # a side


def _met(canvas: Canvas, way: Way, boxes: Sequence[Box]) -> int:
    """How many boxes the line passes through."""
    source, target, route = way
    line = line_of(Shape(ShapeId(""), {"type": "connector", "from": source, "to": target, "route": route}), canvas)
    if line is None:
        return len(boxes)
    points = (line.start, *line.bends, line.end)
    return sum(any(_hits(box, p, q) for p, q in pairwise(points)) for box in boxes)


def _hits(box: Box, p: Spot, q: Spot) -> bool:
    """Whether a line that is level or upright passes through the box; its bounds do for the few slanted ones."""
    line = Box(min(p[0], q[0]), min(p[1], q[1]), abs(p[0] - q[0]), abs(p[1] - q[1]))
    return line.x < box.right and box.x < line.right + 1 and line.y < box.bottom and box.y < line.bottom + 1


def _sizes(nodes: Sequence[Node]) -> list[Box]:
    """Each kind of node as wide as its widest label needs, each as high as its own."""
    fitted = [fit(_kind(node), node.text, _font_size(_kind(node)), None) for node in nodes]
    widest: dict[str, float] = {}
    for node, (w, _) in zip(nodes, fitted, strict=True):
        widest[_kind(node)] = max(widest.get(_kind(node), 0.0), w)
    return [
        Box(0, 0, *fit(_kind(node), node.text, _font_size(_kind(node)), widest[_kind(node)])) for node in nodes
    ]  # fmt: skip


def _kind(node: Node) -> str:
    return node.type or "rect"


def _font_size(kind: str) -> float:
    return float(DEFAULT_STYLE.get(kind, {}).get("font_size", SHAPE_FIELDS["font_size"].default))


def _node(canvas: Canvas, context: ToolContext, node: Node, box: Box, parent: ShapeId | None) -> Shape:
    fields: dict[str, Any] = {
        "type": _kind(node), "x": box.x, "y": box.y, "w": box.w, "h": box.h, "text": node.text or None,
        "fill": node.fill, "stroke": stroke_for(_kind(node), node.fill), "parent": parent,
    }  # fmt: skip
    return canvas.create(context.new_id(), {**fields, **made_by(context)})


def _frame(canvas: Canvas, context: ToolContext, title: str, box: Box) -> Shape:
    fields = {"type": "frame", "x": box.x, "y": box.y, "w": box.w, "h": box.h, "text": title or None}
    return canvas.create(context.new_id(), {**fields, **made_by(context)})


def _numbered(keys: Sequence[str], path: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, key in enumerate(keys):
        if key in found:
            raise ToolError("INVALID", f"key {clean(key, 64)} is used twice", path=f"{path}.{at}.key", why="used twice")
        found[key] = at
    return found


def _number(keys: Mapping[str, int], key: str, path: str) -> int:
    if key not in keys:
        near = [clean(name, 64) for name in difflib.get_close_matches(key, keys, n=3)]
        raise ToolError("NOT_FOUND", f"{path} names {clean(key, 64)}, which is not there", path=path, near=near)
    return keys[key]
