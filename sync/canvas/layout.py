"""Layouts: sizes in, top-left corners out. The group's top-left lands on (0, 0); whole px, no overlap.

`tree` and `layered` follow edges, pairs (from, to) of indices into `boxes`; edges that close a cycle are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from sync.canvas.geometry import Box

Layout = Literal["row", "column", "grid", "circle", "tree", "layered"]
Direction = Literal["right", "down", "left", "up"]
Corner = tuple[float, float]
Edge = tuple[int, int]


def arrange(
    layout: Layout,
    boxes: Sequence[Box],
    *,
    gap: float,
    columns: int | None = None,
    direction: Direction = "down",
    edges: Sequence[Edge] = (),
) -> list[Corner]:
    """A corner for each box, in order. `columns` is for grid, `direction` and `edges` for tree and layered."""
    if not boxes:
        return []
    corners = _corners(layout, boxes, gap, columns, direction, edges)
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    return [(float(round(x - left)), float(round(y - top))) for x, y in corners]


def _corners(
    layout: Layout, boxes: Sequence[Box], gap: float, columns: int | None, direction: Direction, edges: Sequence[Edge]
) -> list[Corner]:
    match layout:
        case "row":
            return _row(boxes, gap)
        case "column":
            return _turned(_row([_turned_box(b) for b in boxes], gap))
        case "grid":
            return _grid(boxes, gap, columns)
        case "circle":
            return _circle(boxes, gap)
        case "tree" | "layered":
            return _flow(layout, boxes, gap, direction, edges)


def ranks(count: int, edges: Sequence[Edge]) -> list[int]:
    """The layer of each node: one more than the deepest node that leads to it, 0 for roots. Cycles are cut."""
    forward = _without_cycles(count, edges)
    depth = [0] * count
    for _ in range(count):
        moved = False
        for start, end in forward:
            if depth[end] < depth[start] + 1:
                depth[end] = depth[start] + 1
                moved = True
        if not moved:
            break
    return depth


def _row(boxes: Sequence[Box], gap: float) -> list[Corner]:
    highest, x = max(b.h for b in boxes), 0.0
    corners: list[Corner] = []
    for box in boxes:
        corners.append((x, (highest - box.h) / 2))
        x += box.w + gap
    return corners


def _grid(boxes: Sequence[Box], gap: float, columns: int | None) -> list[Corner]:
    across = min(max(columns or math.ceil(math.sqrt(len(boxes))), 1), len(boxes))
    rows = [boxes[i : i + across] for i in range(0, len(boxes), across)]
    widths = [max(row[c].w for row in rows if c < len(row)) for c in range(across)]
    corners: list[Corner] = []
    y = 0.0
    for row in rows:
        height, x = max(b.h for b in row), 0.0
        for box, width in zip(row, widths, strict=False):
            corners.append((x + (width - box.w) / 2, y + (height - box.h) / 2))
            x += width + gap
        y += height + gap
    return corners


def _circle(boxes: Sequence[Box], gap: float) -> list[Corner]:
    """First box at the top, clockwise. Neighbours stand a diagonal and a gap apart, so none overlap."""
    count = len(boxes)
    if count == 1:
        return [(0.0, 0.0)]
    chord = max(math.hypot(b.w, b.h) for b in boxes) + gap
    radius = chord / (2 * math.sin(math.pi / count))
    angles = [2 * math.pi * i / count - math.pi / 2 for i in range(count)]
    return [
        (radius * math.cos(a) - b.w / 2, radius * math.sin(a) - b.h / 2) for a, b in zip(angles, boxes, strict=True)
    ]


def _flow(
    layout: Layout, boxes: Sequence[Box], gap: float, direction: Direction, edges: Sequence[Edge]
) -> list[Corner]:
    sideways = direction in ("right", "left")
    sizes = [_turned_box(b) for b in boxes] if sideways else list(boxes)
    kept = [(a, b) for a, b in edges if a != b and 0 <= a < len(boxes) and 0 <= b < len(boxes)]
    down = _tree(sizes, gap, kept) if layout == "tree" else _layered(sizes, gap, kept)
    if direction in ("up", "left"):
        bottom = max(y + box.h for (_, y), box in zip(down, sizes, strict=True))
        down = [(x, bottom - y - box.h) for (x, y), box in zip(down, sizes, strict=True)]
    return _turned(down) if sideways else down


def _layered(boxes: Sequence[Box], gap: float, edges: Sequence[Edge]) -> list[Corner]:
    """Sugiyama in small: longest-path layers, barycentre order (four sweeps), each layer centred."""
    layer_of = ranks(len(boxes), edges)
    layers: list[list[int]] = [[i for i, r in enumerate(layer_of) if r == rank] for rank in range(max(layer_of) + 1)]
    for sweep in range(4):
        place = {node: at for layer in layers for at, node in enumerate(layer)}
        towards = 1 if sweep % 2 == 0 else -1
        for layer in layers[::towards]:
            weight = {node: _barycentre(node, edges, place, layer_of, towards) for node in layer}
            layer.sort(key=lambda node: (weight[node], node))
            place.update({node: at for at, node in enumerate(layer)})
    return _stack(layers, boxes, gap)


def _barycentre(node: int, edges: Sequence[Edge], place: dict[int, int], layer_of: list[int], towards: int) -> float:
    linked = [b if a == node else a for a, b in edges if node in (a, b)]
    before = [place[other] for other in linked if (layer_of[other] - layer_of[node]) * towards < 0]
    return sum(before) / len(before) if before else float(place[node])


def _stack(layers: Sequence[Sequence[int]], boxes: Sequence[Box], gap: float) -> list[Corner]:
    corners: list[Corner] = [(0.0, 0.0)] * len(boxes)
    y = 0.0
    for layer in layers:
        height = max(boxes[node].h for node in layer)
        x = -(sum(boxes[node].w for node in layer) + gap * (len(layer) - 1)) / 2
        for node in layer:
            corners[node] = (x, y + (height - boxes[node].h) / 2)
            x += boxes[node].w + gap
        y += height + gap
    return corners


def _tree(boxes: Sequence[Box], gap: float, edges: Sequence[Edge]) -> list[Corner]:
    """Each node centred over its children; a node belongs to the first edge that reaches it."""
    children: dict[int, list[int]] = {}
    owned: set[int] = set()
    for parent, child in _without_cycles(len(boxes), edges):
        if child not in owned:
            owned.add(child)
            children.setdefault(parent, []).append(child)
    depth = ranks(len(boxes), [(a, b) for a, kids in children.items() for b in kids])
    height = [max((b.h for b, d in zip(boxes, depth, strict=True) if d == rank)) for rank in range(max(depth) + 1)]
    top = [sum(height[:rank]) + gap * rank for rank in range(len(height))]
    corners: list[Corner] = [(0.0, 0.0)] * len(boxes)
    width: dict[int, float] = {}
    for node in sorted(range(len(boxes)), key=lambda n: -depth[n]):
        below = children.get(node, [])
        width[node] = max(boxes[node].w, sum(width[c] for c in below) + gap * max(len(below) - 1, 0))
    spots: list[tuple[int, float]] = []
    x = 0.0
    for root in (n for n in range(len(boxes)) if n not in owned):
        spots.append((root, x))
        x += width[root] + gap
    while spots:
        node, left = spots.pop()
        corners[node] = (left + (width[node] - boxes[node].w) / 2, top[depth[node]])
        below = children.get(node, [])
        at = left + (width[node] - sum(width[c] for c in below) - gap * max(len(below) - 1, 0)) / 2
        for child in below:
            spots.append((child, at))
            at += width[child] + gap
    return corners


def _without_cycles(count: int, edges: Sequence[Edge]) -> list[Edge]:
    """The edges less those that lead back to a node on the way (depth-first, in order of node and edge)."""
    following: dict[int, list[int]] = {}
    for start, end in dict.fromkeys(edges):
        if start != end:
            following.setdefault(start, []).append(end)
    state = [0] * count  # 0 not seen, 1 on the way, 2 done
    kept: list[Edge] = []
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        way = [(root, iter(following.get(root, ())))]
        while way:
            node, ends = way[-1]
            end = next(ends, -1)
            if end < 0:
                state[node] = 2
                way.pop()
                continue
            if state[end] == 1:
                continue
            kept.append((node, end))
            if state[end] == 0:
                state[end] = 1
                way.append((end, iter(following.get(end, ()))))
    return kept


def _turned_box(box: Box) -> Box:
    return Box(box.y, box.x, box.h, box.w)


def _turned(corners: Sequence[Corner]) -> list[Corner]:
    return [(y, x) for x, y in corners]
