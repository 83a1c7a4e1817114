"""A diagram's places from its structure: layers along the edges, groups kept together, lanes for long edges.

On top of `layout.arrange`: a group is laid out by itself and then is one box among the others; an edge that jumps
over a layer keeps a narrow lane free there. Pure; px.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync.canvas.geometry import Box, union
from sync.canvas.layout import Corner, Direction, Edge, arrange, ranks

LANE = 24.0  # px kept free for a line that passes a layer


@dataclass(frozen=True, slots=True)
class Flow:
    """Where everything stands; the whole has its top-left at (0, 0)."""

    corners: list[Corner]
    frames: dict[int, Box]
    size: tuple[float, float]


def flow(
    boxes: Sequence[Box],
    edges: Sequence[Edge],
    groups: Mapping[int, int],
    *,
    direction: Direction,
    gap: float,
    layer_gap: float,
    padding: float,
) -> Flow:
    """Places for `boxes`. `groups`: node -> its group; `gap` within a layer, `layer_gap` between two, px."""
    members: dict[int, list[int]] = {}
    for node, group in sorted(groups.items()):
        members.setdefault(group, []).append(node)
    units = [*members.values(), *([node] for node in range(len(boxes)) if node not in groups)]
    unit_of = {node: at for at, unit in enumerate(units) for node in unit}
    inside: list[list[Corner]] = []
    outlines: list[Box] = []
    for at, unit in enumerate(units):
        place = {node: n for n, node in enumerate(unit)}
        own = [(place[a], place[b]) for a, b in edges if unit_of[a] == unit_of[b] == at]
        corners = _layers([boxes[node] for node in unit], own, direction, gap, layer_gap)
        around = union(boxes[node].moved(*corner) for node, corner in zip(unit, corners, strict=True))
        assert around is not None, "a unit has a node"
        margin = padding if at < len(members) else 0.0
        inside.append([(x + margin, y + margin) for x, y in corners])
        outlines.append(Box(0, 0, around.w + 2 * margin, around.h + 2 * margin))
    between = [(unit_of[a], unit_of[b]) for a, b in edges if unit_of[a] != unit_of[b]]
    spots = _layers(outlines, between, direction, gap, layer_gap)
    corners = [(0.0, 0.0)] * len(boxes)
    for unit, spot, places in zip(units, spots, inside, strict=True):
        for node, (x, y) in zip(unit, places, strict=True):
            corners[node] = (spot[0] + x, spot[1] + y)
    placed = [outline.moved(*spot) for outline, spot in zip(outlines, spots, strict=True)]
    whole = union(placed) or Box(0, 0, 0, 0)
    return Flow(corners, dict(zip(members, placed, strict=False)), (whole.w, whole.h))


def _layers(
    boxes: Sequence[Box], edges: Sequence[Edge], direction: Direction, gap: float, layer_gap: float
) -> list[Corner]:
    """`layered` with two gaps, and a lane in each layer that an edge jumps over."""
    lanes: list[Box] = []
    links: list[Edge] = []
    rank = ranks(len(boxes), edges)
    for start, end in dict.fromkeys(edges):
        way = [start]
        for _ in range(rank[start] + 1, rank[end]):
            way.append(len(boxes) + len(lanes))
            lanes.append(Box(0, 0, LANE, LANE))
        links += zip(way, [*way[1:], end], strict=True)
    # What the gap between layers is more than the one within is put round the boxes, along the flow.
    more = max(layer_gap - gap, 0.0) / 2
    dx, dy = (more, 0.0) if direction in ("right", "left") else (0.0, more)
    grown = [Box(0, 0, box.w + 2 * dx, box.h + 2 * dy) for box in [*boxes, *lanes]]
    corners = arrange("layered", grown, gap=gap, direction=direction, edges=links)[: len(boxes)]
    left = min((x for x, _ in corners), default=0.0)
    top = min((y for _, y in corners), default=0.0)
    return [(x - left, y - top) for x, y in corners]
