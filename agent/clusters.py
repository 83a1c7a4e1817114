"""Many shapes in a few lines: what is where, without each one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import chain, islice
from math import log2
from operator import itemgetter

from agent.lines import quoted, token
from sync.canvas.place import Placed

MAX_CLUSTERS = 24
MAX_EXAMPLES = 3  # labels a cluster shows
_START_CELL = 800.0  # px; doubled until the clusters are few enough


def clusters(placed: Sequence[Placed]) -> list[str]:
    """At most MAX_CLUSTERS lines: `12 shapes at -400,0 800x600: 9 rect, 3 note; "Login", "Sign up"`, biggest first.

    Shapes in a frame are counted with the frame; the others by a square grid.
    """
    framed: set[str] = {shape.id for shape, _ in placed if shape.raw.get("type") == "frame"}
    groups, cell = _grouped(placed, framed), _START_CELL
    while len(groups) > MAX_CLUSTERS and cell < 1e8:
        cell *= 2
        if framed and len(framed) >= MAX_CLUSTERS // 2:
            framed = set()
            groups = _grouped(placed, framed)
            for _ in range(round(log2(cell / _START_CELL))):
                groups = _coarser(groups)
        else:
            groups = _coarser(groups)
    found = [_in_order(parts) for parts in groups.values()]
    found.sort(key=lambda group: (-len(group), group[0][1].y, group[0][1].x, group[0][0].id))
    return [_line(group) for group in found[:MAX_CLUSTERS]]


Cell = tuple[int, int]
Groups = dict[Cell | str, list[list[tuple[int, Placed]]]]
"""Cell or frame -> the lists of shapes that came together there, each with the shapes' places in the stack."""


def _grouped(placed: Sequence[Placed], framed: Collection[str]) -> Groups:
    groups: dict[Cell | str, list[tuple[int, Placed]]] = {}
    is_framed = bool(framed)
    for at, item in enumerate(placed):
        shape, box = item
        key: Cell | str
        if is_framed and (shape.id in framed or shape.parent in framed):
            key = shape.id if shape.id in framed else str(shape.parent)
        else:
            key = int((box.x + box.w / 2) // _START_CELL), int((box.y + box.h / 2) // _START_CELL)
        group = groups.get(key)
        if group is None:
            groups[key] = [(at, item)]
        else:
            group.append((at, item))
    return {key: [group] for key, group in groups.items()}


def _coarser(groups: Groups) -> Groups:
    """Four cells become one; frames stay by themselves."""
    merged: Groups = {}
    for key, parts in groups.items():
        wider = key if isinstance(key, str) else (key[0] // 2, key[1] // 2)
        merged.setdefault(wider, []).extend(parts)
    return merged


def _in_order(parts: list[list[tuple[int, Placed]]]) -> list[Placed]:
    if len(parts) == 1:
        return [item for _, item in parts[0]]
    return [item for _, item in sorted(chain.from_iterable(parts), key=itemgetter(0))]


def _line(group: Sequence[Placed]) -> str:
    # Lists, not generators: on a big board this is most of the view, and three times as fast.
    boxes = [box for _, box in group]
    left, top = min([box.x for box in boxes]), min([box.y for box in boxes])
    right, bottom = max([box.x + box.w for box in boxes]), max([box.y + box.h for box in boxes])
    kinds = Counter([shape.type for shape, _ in group])
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
    frame = next((shape for shape, _ in group if shape.type == "frame"), None) if "frame" in kinds else None
    where = f" in frame {token(frame.id)} {quoted(frame.text, 40)}" if frame is not None else ""
    named = (shape.text for shape, _ in group if shape is not frame and shape.text)
    labels = [quoted(text, 24) for text in islice(named, MAX_EXAMPLES)]
    examples = f"; {', '.join(labels)}" if labels else ""
    noun = "shape" if len(group) == 1 else "shapes"
    at = f"{round(left)},{round(top)} {round(right - left)}x{round(bottom - top)}"
    return f"{len(group)} {noun}{where} at {at}: {counts}{examples}"
