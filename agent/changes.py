"""What people changed since the assistant last looked, by author."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.lines import quoted, token
from sync.canvas.canvas import Canvas, read_json
from sync.canvas.history import LoggedCall, same
from sync.canvas.mirror import Mirror
from sync.canvas.revision import state_vector
from sync.canvas.schema import SHAPE_FIELDS, WRITTEN_ONCE, ShapeId
from sync.canvas.shape import Shape

MAX_AUTHORS = 3  # names of one line of changes
_UNTOLD = WRITTEN_ONCE | {"z"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The shapes and the state vector at one moment: keep what the assistant saw, compare with what stands."""

    shapes: Mapping[str, Mapping[str, Any]]
    vector: Mapping[int, int]


def snapshot(doc: Doc[Any], mirror: Mirror | None = None) -> Snapshot:
    """The document now. Without a mirror it costs one JSON pass over the shapes."""
    if mirror is not None:
        return Snapshot(mirror.stored(), state_vector(doc))
    shapes = read_json(doc.get("shapes", type=YMap))
    return Snapshot({k: v for k, v in shapes.items() if isinstance(v, Mapping)}, state_vector(doc))


def people_changes(
    canvas: Canvas,
    earlier: Snapshot,
    *,
    own: Iterable[LoggedCall],
    agent: str,
    peers: Mapping[int, str],
    names: Mapping[str, str],
    mirror: Mirror | None = None,
) -> list[str]:
    """One line a shape people touched since `earlier`: `s3 by Ann: x 10->40, fill blue->red`, in order of id.

    `own` are the assistant's calls since then: a field that holds what they wrote is not people's. A created shape
    names its maker; another change names whoever wrote meanwhile (`peers`: client id -> name), or `somebody`.
    """
    written: dict[tuple[str, str], Any] = {}
    for call in own:
        written |= {(shape, f): pair[1] for shape, fields in call.changes.items() for f, pair in fields.items()}
    writers = _writers(canvas.doc, earlier, peers)
    now = snapshot(canvas.doc, mirror).shapes
    before = earlier.shapes.get
    changed = [(shape_id, after) for shape_id, after in now.items() if after is not before(shape_id)]
    lines = (
        _line(shape_id, earlier.shapes.get(shape_id), after, written, agent, names, writers)
        for shape_id, after in sorted(changed)
    )
    return [line for line in lines if line is not None]


def written_by(canvas: Canvas, earlier: Snapshot, shape: str, field: str, peers: Mapping[int, str]) -> str:
    """Who may have written a field since `earlier`; `somebody` when it is as it was, or when that cannot be told."""
    found, before = canvas.find(shape), earlier.shapes.get(shape, {})
    if found is None or same(found.raw.get(field), before.get(field)):
        return "somebody"
    return _writers(canvas.doc, earlier, peers)


def _line(
    shape_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    written: Mapping[tuple[str, str], Any],
    agent: str,
    names: Mapping[str, str],
    writers: str,
) -> str | None:
    now = Shape(ShapeId(shape_id), after)
    if before is None:
        if now.by == agent or now.deleted:
            return None
        label = f" {quoted(now.text, 40)}" if now.text else ""
        return f"{token(shape_id)} by {token(names.get(now.by, now.by) or 'somebody')}: created {now.type}{label}"
    was = Shape(ShapeId(shape_id), before)
    fields = [
        name
        for name in SHAPE_FIELDS
        if name not in _UNTOLD
        and not same(before.get(name), after.get(name))
        and not ((shape_id, name) in written and same(written[shape_id, name], after.get(name)))
    ]
    if not fields:
        return None
    if fields == ["draft"]:
        return f"{token(shape_id)} by {writers}: accepted what you proposed" if now.draft is None else None
    if "deleted" in fields:
        return f"{token(shape_id)} by {writers}: {'deleted' if now.deleted else 'brought back'}"
    return f"{token(shape_id)} by {writers}: {', '.join(told_change(name, was, now) for name in fields)}"


def told_change(name: str, was: Shape, now: Shape) -> str:
    """`x 10->40`."""
    if name == "points":
        return "redrawn"
    return f"{name} {_value(was.field(name))}->{_value(now.field(name))}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return token(str(value["id"])) if "id" in value else f"({value.get('x')},{value.get('y')})"
    if isinstance(value, str):
        return quoted(value, 40)
    return "none" if value is None else str(value).lower()


def _writers(doc: Doc[Any], earlier: Snapshot, peers: Mapping[int, str]) -> str:
    """Names of the peers that wrote since; the document itself does not say who wrote a field."""
    advanced = [client for client, clock in state_vector(doc).items() if clock > earlier.vector.get(client, 0)]
    found = sorted({peers[client] for client in advanced if client in peers})
    if not found or len(found) > MAX_AUTHORS:
        return "somebody"
    return " or ".join(token(name) for name in found)
