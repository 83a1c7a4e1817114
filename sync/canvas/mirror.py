"""The shapes of a document kept in step with it, so that reading 10 000 of them costs what changed.

An observer notes which shapes a transaction touched; the next read takes those anew. What was read is never changed in
place: a shape that nobody touched is the same object as before, so that comparing two moments costs what changed too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.canvas import read_json
from sync.canvas.grid import Grid, Placed
from sync.canvas.keys import is_key
from sync.canvas.place import bounds, ends_of
from sync.canvas.schema import ShapeId
from sync.canvas.shape import Shape

MANY = 500  # shapes touched at once from which on everything is put in order anew


class Mirror:
    """The shapes of `doc`. Do not read it inside a transaction that writes shapes; call `close` when done."""

    def __init__(self, doc: Doc[Any]) -> None:
        self.doc = doc
        self._map: YMap[Any] = doc.get("shapes", type=YMap)
        self._stale: set[str] | None = None  # None: nothing was read yet
        self._found: dict[str, Shape] = {}
        self._stored: dict[str, Mapping[str, Any]] = {}
        self._order: list[tuple[str, str, Shape]] = []
        self._listed: list[Shape] | None = None
        self._placed: list[Placed] | None = None
        self._grid: Grid | None = None
        self._lines: dict[str, Shape] = {}
        self._subscription = self._map.observe_deep(self._notice)

    def close(self) -> None:
        """Stop following the document."""
        self._map.unobserve(self._subscription)

    def find(self, shape: str) -> Shape | None:
        """The shape, also when it is a tombstone; None when it was never made."""
        self._refresh()
        return self._found.get(shape)

    def shapes(self) -> Sequence[Shape]:
        """Live shapes, lowest first: ordered by (z, id). Not to be changed."""
        self._refresh()
        if self._listed is None:
            self._listed = [shape for _, _, shape in self._order]
        return self._listed

    def placed(self) -> list[Placed]:
        """`shapes` with their bounds. Not to be changed."""
        self._refresh()
        if self._placed is None:
            self._placed = [(shape, bounds(shape, self)) for shape in self.shapes()]
        return self._placed

    def grid(self) -> Grid:
        """`placed` by where it lies. Not to be changed."""
        placed = self.placed()
        if self._grid is None:
            self._grid = Grid(placed)
        return self._grid

    def rank(self, shape: Shape) -> int:
        """How many live shapes lie under a live one."""
        self._refresh()
        return bisect_left(self._order, (shape.z, str(shape.id)), key=_by_place)

    def lines(self) -> list[Shape]:
        """Live connectors, in no order."""
        self._refresh()
        return list(self._lines.values())

    def stored(self) -> dict[str, Mapping[str, Any]]:
        """Every shape as it is stored, tombstones included. Stays as it is when the document changes."""
        self._refresh()
        return self._stored

    def top_z(self) -> str | None:
        """The highest z key of a live shape that is a well-formed one."""
        self._refresh()
        return next((z for z, _, _ in reversed(self._order) if is_key(z)), None)

    def _notice(self, events: Sequence[Any]) -> None:
        if self._stale is not None:
            for event in events:
                self._stale.update(event.path[:1] or event.keys)

    def _refresh(self) -> None:
        if self._stale is not None and not self._stale:
            return
        stale, self._stale = self._stale, set()
        if stale is None:
            everything = read_json(self._map)
            raws = everything if isinstance(everything, Mapping) else {}
            self._found = {k: Shape(ShapeId(k), raw) for k, raw in raws.items() if isinstance(raw, Mapping)}
            self._stored = {name: shape.raw for name, shape in self._found.items()}
            self._sort()
        else:
            follow = [line.id for line in self._lines.values() if ends_of(line) & stale]
            touched = {name: (self._found.get(name), self._read(name)) for name in stale}
            # Lines follow what they are bound to: the same shape, in another place.
            touched |= {name: (self._found[name], self._found[name]) for name in follow if name not in touched}
            self._stored = dict(self._stored)
            for name, (_, now) in touched.items():
                self._lines.pop(name, None)
                if now is None:
                    self._found.pop(name, None)
                    self._stored.pop(name, None)
                    continue
                self._found[name] = now
                self._stored[name] = now.raw
                if now.type == "connector" and not now.deleted:
                    self._lines[name] = now
            if len(touched) > MANY:
                self._sort()
            else:
                for before, now in touched.values():
                    self._reorder(before, now)
        self._listed = None

    def _read(self, name: str) -> Shape | None:
        entry = self._map.get(name)
        raw = read_json(entry) if isinstance(entry, YMap | Mapping) else None
        return Shape(ShapeId(name), raw) if isinstance(raw, Mapping) else None

    def _sort(self) -> None:
        self._placed = self._grid = None
        self._lines = {k: s for k, s in self._found.items() if s.type == "connector" and not s.deleted}
        self._order = sorted(_place(shape) for shape in self._found.values() if not shape.deleted)

    def _reorder(self, before: Shape | None, now: Shape | None) -> None:
        if before is not None and not before.deleted:
            at = bisect_left(self._order, (before.z, str(before.id)), key=_by_place)
            del self._order[at]
            if self._placed is not None:
                del self._placed[at]
            if self._grid is not None:
                self._grid.remove(before.id)
        if now is not None and not now.deleted:
            at = bisect_left(self._order, (now.z, str(now.id)), key=_by_place)
            self._order.insert(at, _place(now))
            if self._placed is not None:
                item = (now, bounds(now, self))
                self._placed.insert(at, item)
                if self._grid is not None:
                    self._grid.add(item)


def _by_place(place: tuple[str, str, Shape]) -> tuple[str, str]:
    return place[:2]


def _place(shape: Shape) -> tuple[str, str, Shape]:
    return shape.z, str(shape.id), shape
