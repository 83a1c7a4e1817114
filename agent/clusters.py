"""Many shapes in a few lines: what is where, without each one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from agent.lines import quoted, token
from sync.canvas.grid import CELL, Cell, Digest, Grid, Placed, digest

MAX_CLUSTERS = 24
MAX_FRAMES = MAX_CLUSTERS // 2  # with more of them, frames are counted where they lie, like everything else
MAX_EXAMPLES = 3  # labels a cluster shows
_WIDEST = 1e8  # px of a square; the board ends before

Groups = dict[Cell | str, Digest]
"""By square or frame."""


def clusters(grid: Grid, left_out: Collection[str] = ()) -> list[str]:
    """At most MAX_CLUSTERS lines: `12 shapes at -400,0 800x600: 9 rect, 3 note; "Login", "Sign up"`, biggest first.

    Shapes in a frame are counted with the frame; the others by squares, which grow until the clusters are few enough.
    """
    groups, cell = _grouped(grid, frozenset(left_out)), CELL
    while len(groups) > MAX_CLUSTERS and cell < _WIDEST:
        cell *= 2
        groups = _coarser(groups)
    found = sorted(groups.values(), key=lambda group: (-group.count, group.lowest[3], group.lowest[2], group.lowest[1]))
    return [_line(group) for group in found[:MAX_CLUSTERS]]


def _grouped(grid: Grid, left_out: frozenset[str]) -> Groups:
    frames = _frames(grid, left_out)
    apart = grid.cells_of(left_out)
    groups: Groups = {}
    for cell, here in grid.cells.items():
        whole = None if cell in apart else grid.digest(cell)
        if whole is not None and not (frames and frames & whole.frames):
            groups[cell] = whole
            continue
        split: dict[Cell | str, list[Placed]] = {}
        for item in here.values():
            if item[0].id not in left_out:
                split.setdefault(_key(item, frames, cell), []).append(item)
        for key, items in split.items():
            _merge(groups, key, digest(items))
    return groups


def _frames(grid: Grid, left_out: frozenset[str]) -> frozenset[str]:
    """Ids of the frames by which shapes are counted."""
    found = {
        name
        for cell, here in grid.cells.items()
        for name in grid.digest(cell).frames
        if name in here and name not in left_out and here[name][0].type == "frame"
    }
    return frozenset(found) if len(found) <= MAX_FRAMES else frozenset()


def _key(item: Placed, frames: frozenset[str], cell: Cell) -> Cell | str:
    shape = item[0]
    if shape.id in frames:
        return str(shape.id)
    return str(shape.parent) if frames and shape.parent in frames else cell


def _coarser(groups: Mapping[Cell | str, Digest]) -> Groups:
    """Four squares become one; frames stay by themselves."""
    merged: Groups = {}
    for key, group in groups.items():
        _merge(merged, key if isinstance(key, str) else (key[0] // 2, key[1] // 2), group)
    return merged


def _merge(groups: Groups, key: Cell | str, group: Digest) -> None:
    known = groups.get(key)
    groups[key] = group if known is None else known.with_(group)


def _line(group: Digest) -> str:
    kinds = sorted(group.kinds.items(), key=lambda item: (-item[1], item[0]))
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds)
    where, frame = "", ""
    if group.frame is not None:
        _, frame, title = group.frame
        where = f" in frame {token(frame)} {quoted(title, 40)}"
    labels = [quoted(text, 24) for _, name, text in group.labels if name != frame][:MAX_EXAMPLES]
    examples = f"; {', '.join(labels)}" if labels else ""
    noun = "shape" if group.count == 1 else "shapes"
    at = f"{round(group.left)},{round(group.top)} {round(group.right - group.left)}x{round(group.bottom - group.top)}"
    return f"{group.count} {noun}{where} at {at}: {counts}{examples}"
