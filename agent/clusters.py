"""Many shapes in a few lines: what is where, without each one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from agent.lines import quoted, token
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box, union
from sync.canvas.place import bounds
from sync.canvas.shape import Shape

MAX_CLUSTERS = 24
MAX_EXAMPLES = 3  # labels a cluster shows
_START_CELL = 800.0  # px; doubled until the clusters are few enough


def clusters(shapes: Sequence[Shape], canvas: Canvas) -> list[str]:
    """At most MAX_CLUSTERS lines: `12 shapes at -400,0 800x600: 9 rect, 3 note; "Login", "Sign up"`, biggest first.

    Shapes in a frame are counted with the frame; the others by a square grid.
    """
    placed = [(shape, bounds(shape, canvas)) for shape in shapes]
    framed: set[str] = {shape.id for shape in shapes if shape.type == "frame"}
    cell = _START_CELL
    groups = _grouped(placed, framed, cell)
    while len(groups) > MAX_CLUSTERS and cell < 1e8:
        cell *= 2
        groups = _grouped(placed, framed if len(framed) < MAX_CLUSTERS // 2 else set(), cell)
    ordered = sorted(groups.values(), key=lambda group: (-len(group), group[0][1].y, group[0][1].x, group[0][0].id))
    return [_line(group) for group in ordered[:MAX_CLUSTERS]]


Placed = tuple[Shape, Box]


def _grouped(placed: Sequence[Placed], framed: Collection[str], cell: float) -> dict[str, list[Placed]]:
    groups: dict[str, list[Placed]] = {}
    for shape, box in placed:
        x, y = box.centre
        frame = shape.id if shape.id in framed else shape.parent if shape.parent in framed else None
        groups.setdefault(f"in {frame}" if frame else f"{int(x // cell)} {int(y // cell)}", []).append((shape, box))
    return groups


def _line(group: Sequence[Placed]) -> str:
    around = union(box for _, box in group)
    assert around is not None, "a group has a shape"
    kinds = Counter(shape.type for shape, _ in group)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
    frame = next((shape for shape, _ in group if shape.type == "frame"), None)
    where = f" in frame {token(frame.id)} {quoted(frame.text, 40)}" if frame is not None else ""
    labels = [quoted(shape.text, 24) for shape, _ in group if shape.text and shape is not frame][:MAX_EXAMPLES]
    examples = f"; {', '.join(labels)}" if labels else ""
    noun = "shape" if len(group) == 1 else "shapes"
    at = f"{round(around.x)},{round(around.y)} {round(around.w)}x{round(around.h)}"
    return f"{len(group)} {noun}{where} at {at}: {counts}{examples}"
