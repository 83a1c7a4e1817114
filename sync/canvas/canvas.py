"""The canvas of one pycrdt Doc: tolerant reads, checked and staged writes, a before/after log.

Use: `canvas = Canvas(doc)`, read and stage, then `with doc.transaction(): canvas.write()`, all without an await
in between. Staging checks every value (pycrdt commits a transaction even when its body raises, and panics on some
values), so `write` only sets keys. A shape is a nested Y.Map, one key a field: only fields that change are set, a
map is never set under an existing id, deleting sets `deleted`.
"""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.conversation import Undone
from sync.canvas.grid import Grid, Placed
from sync.canvas.keys import is_key, key_between
from sync.canvas.schema import DEFAULT_STYLE, SHAPE_FIELDS, WRITTEN_ONCE, Invalid, ShapeId, check_field
from sync.canvas.shape import Shape, plain

if TYPE_CHECKING:
    from sync.canvas.mirror import Mirror

Changes = dict[str, dict[str, list[Any]]]


def read_json(value: object) -> Any:
    """A nested Y type or plain value as JSON with whole floats as ints; None for what has no JSON form.

    Goes through the library's own JSON text: 3.3 times faster than `to_py()`.
    """
    if isinstance(value, YMap):
        try:
            return json.loads(str(value), parse_float=_parse_float, parse_constant=_no_constant)
        except ValueError:
            return {str(key): read_json(value.get(key)) for key in value.keys()}  # noqa: SIM118 - a Y.Map has no typed iterator
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | list | tuple | Mapping):
        return plain(value)
    return None


def tidy(value: Any) -> Any:
    """Numbers as the assistant writes them: at most two decimals, whole ones as ints; deeply."""
    if isinstance(value, float):
        return plain(round(value, 2))
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    if isinstance(value, Mapping):
        return {key: tidy(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Proposal:
    """Of a run that only proposes: its id, and what it proposes already, {shape: {field: value}} (drafts.py)."""

    run: str
    shown: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Canvas:
    """The shapes of `doc` with staged writes laid over. Reads are cached: do not keep a Canvas across an await.

    With a mirror of the same document reading costs what changed since it was last read. With a proposal it reads as if
    that had been accepted, and `write` makes ghosts and leaves what is everybody's as it is (R14).
    """

    def __init__(self, doc: Doc[Any], mirror: Mirror | None = None, proposal: Proposal | None = None) -> None:
        self.doc = doc
        self.mirror = mirror
        self.proposal = proposal
        self._shown: Mapping[str, Mapping[str, Any]] = proposal.shown if proposal is not None else {}
        self._map: YMap[Any] = doc.get("shapes", type=YMap)
        self._stored: dict[str, Mapping[str, Any] | None] = {}
        self._all_read = False
        self._built: dict[str, Shape] = {}
        self._in_order: list[Shape] | None = None
        self._staged: dict[ShapeId, dict[str, Any]] = {}
        self._before: dict[ShapeId, dict[str, Any]] = {}
        self._reverted: dict[ShapeId, dict[str, Any]] = {}
        self._created: dict[ShapeId, None] = {}
        self._top_z: str | None = None
        self._groups: dict[str, dict[str, str]] = {}
        self.placed: list[Placed] | None = None
        self.grid: Grid | None = None
        self.moved: tuple[frozenset[str], list[Placed]] | None = None
        """Kept for place.py; all three are forgotten when something is staged."""
        self.undone: dict[str, Undone] = {}
        """calls[id].undo to be written with the rest; history.py fills it."""

    # ---- reads

    def find(self, shape: str) -> Shape | None:
        """The shape, also when it is a tombstone; None when it was never made."""
        built = self._built.get(shape)
        if built is not None:
            return built
        name = ShapeId(shape)
        over = [found for found in (self._shown.get(shape), self._staged.get(name), self._reverted.get(name)) if found]
        if self.mirror is not None and not over:
            return self.mirror.find(shape)
        stored = self._read(shape)
        if stored is None and shape not in self._staged:
            return None
        raw = stored or {}
        for fields in over:
            raw = {**raw, **fields}
        self._built[shape] = Shape(ShapeId(shape), raw)
        return self._built[shape]

    def get(self, shape: str) -> Shape | None:
        """The live shape, None when there is none or it was deleted."""
        found = self.find(shape)
        return None if found is None or found.deleted else found

    def shapes(self) -> list[Shape]:
        """Live shapes, lowest first: ordered by (z, id)."""
        if self._in_order is None and self.mirror is not None:
            self._in_order = self._over(self.mirror)
        elif self._in_order is None:
            self._in_order = sorted((s for s in self._everything() if not s.deleted), key=lambda s: (s.z, s.id))
        return list(self._in_order)

    def connectors(self) -> list[Shape]:
        """Live connectors, in order."""
        if self.mirror is None:
            return [s for s in self.shapes() if s.type == "connector"]
        names = {*(line.id for line in self.mirror.lines()), *self.staged}
        found = [s for name in names if (s := self.get(name)) is not None and s.type == "connector"]
        return sorted(found, key=lambda s: (s.z, s.id))

    def count(self) -> int:
        """How many live shapes there are."""
        if self.mirror is None:
            return len(self.shapes())
        touched = self.staged
        stored = sum((s := self.mirror.find(name)) is not None and not s.deleted for name in touched)
        return len(self.mirror.shapes()) - stored + sum(self.get(name) is not None for name in touched)

    def ranks(self, shapes: Iterable[Shape]) -> dict[str, int]:
        """Of live shapes: how many others lie under each."""
        if self.mirror is not None and not self.staged:
            return {shape.id: self.mirror.rank(shape) for shape in shapes}
        wanted = {shape.id for shape in shapes}
        return {shape.id: rank for rank, shape in enumerate(self.shapes()) if shape.id in wanted}

    def top_z(self) -> str:
        """A key above every live shape. Each call gives the next one."""
        if self._top_z is None and self.mirror is not None and not self._staged:
            self._top_z = self.mirror.top_z()
        elif self._top_z is None:
            self._top_z = max((s.z for s in self._everything() if not s.deleted and is_key(s.z)), default=None)
        self._top_z = key_between(self._top_z, None)
        return self._top_z

    # ---- staging

    def create(self, shape: ShapeId, fields: Mapping[str, Any]) -> Shape:
        """Stage a new shape: `fields` over its type's default style, on top of the stack unless z is given.

        Raises Invalid: nothing was staged.
        """
        if not shape or len(shape) > 128 or self.find(shape) is not None:
            raise Invalid("id", "is taken or not an id")
        style = DEFAULT_STYLE.get(str(fields.get("type", "rect")), {})
        merged = {**style, **{name: value for name, value in fields.items() if value is not None}}
        checked = {name: tidy(check_field(name, tidy(value))) for name, value in merged.items()}
        checked.setdefault("z", self.top_z())
        self._created[shape] = None
        self._staged[shape] = checked
        self._forget(shape)
        return Shape(shape, checked)

    def set(self, shape: str, field: str, value: Any) -> None:
        """Stage one field of an existing shape; a value it already has stages nothing.

        Raises Invalid (bad value, no such shape, or a field that is written once): nothing was staged.
        """
        current = self.find(shape)
        if current is None:
            raise Invalid(field, f"there is no shape {shape}")
        if field in WRITTEN_ONCE:
            raise Invalid(field, "is written once, when the shape is made")
        checked = tidy(check_field(field, tidy(value)))
        if current.field(field) == checked:
            return
        self._stage(current.id, field, checked)

    def name_group(self, group: str, name: str, by: str) -> None:
        """Stage the entry of a new group. Raises Invalid: nothing was staged."""
        self._groups[group] = {"name": check_field("text", name), "by": by}

    def delete(self, shape: str) -> None:
        """Stage a tombstone. Raises Invalid when there is no such shape."""
        self.set(shape, "deleted", True)

    def revert(self, shape: ShapeId, field: str, value: Any) -> None:
        """Stage a logged `before` value as it was; None, or what is no valid value, reads as absent.

        Not part of `changes`: taking back is not itself taken back.
        """
        if field in SHAPE_FIELDS:
            self._reverted.setdefault(shape, {})[field] = _valid_or_none(field, value)
            self._forget(shape)

    # ---- what is staged

    @property
    def changes(self) -> Changes:
        """{shape: {field: [before, after]}}; before is None where the field was absent. Reverts are not in it."""
        log: Changes = {}
        for shape, fields in self._staged.items():
            before = self._before.get(shape, {})
            # What goes back to how it is on the board is a change where something else was proposed.
            shown = fields if shape in self._created else self._shown.get(shape, {})
            entry = {f: [before.get(f), v] for f, v in fields.items() if f in shown or before.get(f) != v}
            if entry:
                log[shape] = entry
        return log

    @property
    def created(self) -> list[ShapeId]:
        """Ids of staged new shapes, in order."""
        return list(self._created)

    @property
    def staged(self) -> frozenset[str]:
        """Ids of shapes that may read otherwise than they are stored."""
        return frozenset([*self._shown, *self._staged, *self._reverted])

    @property
    def proposed(self) -> list[str]:
        """Ids of shapes whose staged changes `write` holds back, in order."""
        return [shape for shape in self.changes if self.is_held(shape)]

    def is_held(self, shape: str) -> bool:
        """Whether a run that only proposes must leave it: all but its own ghosts."""
        if self.proposal is None or shape in self._created:
            return False
        return (self._read(shape) or {}).get("draft") != self.proposal.run

    def is_open(self, shape: Shape) -> bool:
        """Whether it is somebody else's proposal, and not yet part of the board."""
        if shape.raw.get("draft") is None:  # most: looked at for each of thousands
            return False
        return shape.draft is not None and (self.proposal is None or shape.draft != self.proposal.run)

    @property
    def touched(self) -> list[ShapeId]:
        """Ids of every shape something is staged for, reverts included, in order."""
        return list(dict.fromkeys([*self.changes, *self._reverted]))  # type: ignore[list-item] # keys are ShapeIds

    @property
    def taken_back(self) -> list[ShapeId]:
        """Ids of live shapes that a revert makes tombstones, in order."""
        return [shape for shape, fields in self._reverted.items() if fields.get("deleted") is True]

    @property
    def is_changed(self) -> bool:
        """Whether `write` would write anything."""
        return bool(self.changes or self._reverted or self.undone)

    def write(self) -> None:
        """Write what is staged. Call it inside one `doc.transaction()` of the caller, in the same breath as staging."""
        for shape, fields in self.changes.items():
            if shape in self._created:
                draft = {} if self.proposal is None else {"draft": self.proposal.run}
                self._map[shape] = YMap({**{field: pair[1] for field, pair in fields.items()}, **draft})
            elif not self.is_held(shape):
                _set_fields(self._map.get(shape), {field: pair[1] for field, pair in fields.items()})
        for shape, fields in self._reverted.items():
            _set_fields(self._map.get(shape), fields)
        if self._groups:
            groups: YMap[Any] = self.doc.get("groups", type=YMap)
            for group, entry in self._groups.items():
                groups[group] = YMap(entry)
        if self.undone:
            calls: YMap[Any] = self.doc.get("calls", type=YMap)
            for call, undo in self.undone.items():
                _set_fields(calls.get(call), {"status": "undone", "undo": dict(undo)})

    # ---- inside

    def _stage(self, shape: ShapeId, field: str, value: Any) -> None:
        if shape not in self._created:
            stored = self._read(shape) or {}
            self._before.setdefault(shape, {}).setdefault(field, _valid_or_none(field, stored.get(field)))
        self._staged.setdefault(shape, {})[field] = value
        self._forget(shape)

    def _forget(self, shape: ShapeId) -> None:
        self._built.pop(shape, None)
        self._in_order = None
        self.placed = self.grid = self.moved = None

    def _over(self, mirror: Mirror) -> list[Shape]:
        """The mirror's live shapes in order, with what is staged laid over."""
        touched = self.staged
        if not touched:
            return list(mirror.shapes())
        order = [shape for shape in mirror.shapes() if shape.id not in touched]
        for name in touched:
            shape = self.find(name)
            if shape is not None and not shape.deleted:
                insort(order, shape, key=lambda s: (s.z, s.id))
        return order

    def _read(self, shape: str) -> Mapping[str, Any] | None:
        if self.mirror is not None:
            found = self.mirror.find(shape)
            return None if found is None else found.raw
        if self._all_read or shape in self._stored:
            return self._stored.get(shape)
        nested = self._map.get(shape) if shape else None
        raw = read_json(nested) if isinstance(nested, YMap) else None
        self._stored[shape] = raw if isinstance(raw, Mapping) else None
        return self._stored[shape]

    def _everything(self) -> Iterator[Shape]:
        if self.mirror is not None:
            yield from self._over(self.mirror)
            return
        if not self._all_read:
            everything = read_json(self._map)
            self._stored = {k: v for k, v in everything.items() if isinstance(v, Mapping)}
            self._all_read = True
        for shape in [*self._stored, *self._created]:
            found = self.find(shape)
            if found is not None:
                yield found


def _set_fields(target: YMap[Any] | None, fields: Mapping[str, Any]) -> None:
    if isinstance(target, YMap):
        for field, value in fields.items():
            target[field] = value


def _valid_or_none(field: str, value: Any) -> Any:
    """A stored value as it may be written again; a wrong one counts as absent."""
    if value is None or field not in SHAPE_FIELDS:
        return None
    try:
        return plain(check_field(field, value))
    except Invalid:
        return None


def _parse_float(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


def _no_constant(_text: str) -> None:
    return None
