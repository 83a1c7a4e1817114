"""Proposals: what a run would change, and what becomes of it when people accept or reject it.

The rule, the same in the browser (shared vectors: tests/vectors/drafts.json). A run with `propose` leaves the shared
board as it is:
1. A shape that it makes is written with `draft: <run>`: a ghost. What the same run changes of its own ghosts is
   written into them.
2. What it would change of any other shape is only in the log, `calls[c].changes`, and the call lists those shapes in
   `proposed`. Such a change is pending while the call is `done` and `drafts["<call>:<shape>"]` holds no verdict.
3. Of several pending changes of one run to one field the latest (by `at`, then `seq`, then id) counts, with its own
   `before`. It shows where the field still holds `before`; where it does not, somebody has changed it, and that stands.

Accepting shapes of a run (all, when none are named):
4. With a shape go, if they are ghosts (of any run) and not deleted, the frame it is in and the shapes that its ends are
   bound to, as they would be; with those what they need, and so on.
5. A ghost gets `draft: null`.
6. A pending field that holds `before` gets `after`, exactly (null = as if absent). One that holds `after` already is
   left. Any other stays and is reported `[shape, field, "changed since"]`. Of a shape that was deleted since nothing is
   written, and `[shape, "deleted", "changed since"]` is reported once, unless the proposal was to delete it.
7. Each pending call of these shapes gets its verdict, `accepted: true`, with the shape's share of the report.

Rejecting shapes of a run (all, when none are named):
8. With a ghost of the run go the ghosts (of any run) that need it in the sense of 4, and so on.
9. Each of these becomes a tombstone (`deleted: true`; `draft` stays) when every field it has is as its run left it
   (`draft` and `deleted: false` aside). Otherwise it stays a ghost and is reported once, with the first field by name
   that differs.
10. Each pending call gets its verdict, `accepted: false`, and nothing else is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.canvas import read_json
from sync.canvas.conversation import Verdict
from sync.canvas.history import CHANGED, Kept, LoggedCall, differing, logged_calls, same, verdicts

_NEEDS = ("from", "to")  # connector ends: {id}; `parent` is an id


@dataclass(frozen=True, slots=True)
class Pending:
    """What one run proposes now, apart from its ghosts."""

    run: str
    shapes: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    """{shape: {field: [before, after]}}, of each field the latest."""
    calls: dict[str, list[str]] = field(default_factory=dict)
    """{shape: [call, ...]} that wait for a verdict, oldest first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What accepting or rejecting did: the shapes it was about, those it wrote to, and what it left alone."""

    shapes: tuple[str, ...]
    written: tuple[str, ...]
    kept: list[Kept]


def key_of(call: str, shape: str) -> str:
    """Where the verdict on a call's changes to a shape stands in the root `drafts`."""
    return f"{call}:{shape}"


def pending(doc: Doc[Any], run: str, calls: Iterable[LoggedCall] | None = None) -> Pending:
    """What a run proposes and nobody has decided on. `calls`: the run's log, when at hand."""
    found = Pending(run)
    decided = verdicts(doc)
    for call in logged_calls(doc, run) if calls is None else calls:
        if call.status != "done":
            continue
        for shape in call.proposed:
            if key_of(call.id, shape) not in decided and shape in call.changes:
                found.shapes.setdefault(shape, {}).update(call.changes[shape])
                found.calls.setdefault(shape, []).append(call.id)
    return found


def overlay(shapes: Mapping[str, Mapping[str, Any]], proposed: Pending) -> dict[str, dict[str, Any]]:
    """{shape: {field: value}} that accepting would write now: how the run itself, and a drawn ghost, show the board.

    `shapes`: the stored fields by shape.
    """
    shown: dict[str, dict[str, Any]] = {}
    for shape, fields in proposed.shapes.items():
        writes, _ = _applied(shape, shapes.get(shape), fields)
        if writes:
            shown[shape] = writes
    return shown


def ghosts(shapes: Mapping[str, Mapping[str, Any]], run: str | None = None) -> list[str]:
    """Ids of live shapes that are proposed, of one run or of all."""
    return [
        shape
        for shape, raw in sorted(shapes.items())
        if raw.get("deleted") is not True and (draft_of(raw) is not None if run is None else draft_of(raw) == run)
    ]


def draft_of(raw: Mapping[str, Any]) -> str | None:
    """The run that proposes a shape, None when the shape is everybody's."""
    draft = raw.get("draft")
    return draft if isinstance(draft, str) and draft else None


def rejected(doc: Doc[Any], run: str) -> list[str]:
    """Ids of shapes for which people rejected a change that the run proposed."""
    said = read_json(doc.get("drafts", type=YMap))
    found = said.values() if isinstance(said, Mapping) else ()
    return sorted(
        {str(v.get("shape")) for v in found if isinstance(v, Mapping) and v.get("run") == run and not v.get("accepted")}
    )


def open_shapes(doc: Doc[Any], run: str) -> list[str]:
    """Ids of shapes of a run that people have yet to decide on, ghosts first."""
    return list(dict.fromkeys([*ghosts(_stored(doc), run), *pending(doc, run).shapes]))


def accept(doc: Doc[Any], run: str, shapes: Iterable[str] | None, by: str, at: int) -> Decision:
    """Make what a run proposes real, in one transaction of its own. `shapes`: only of these (rules 4 to 7)."""
    return _decide(doc, run, shapes, by, at, accepted=True)


def reject(doc: Doc[Any], run: str, shapes: Iterable[str] | None, by: str, at: int) -> Decision:
    """Drop what a run proposes, in one transaction of its own. `shapes`: only of these (rules 8 to 10)."""
    return _decide(doc, run, shapes, by, at, accepted=False)


def _decide(doc: Doc[Any], run: str, shapes: Iterable[str] | None, by: str, at: int, *, accepted: bool) -> Decision:
    stored = _stored(doc)
    proposed = pending(doc, run)
    everything = dict.fromkeys([*ghosts(stored, run), *proposed.shapes])
    named = everything if shapes is None else [shape for shape in dict.fromkeys(shapes) if shape in everything]
    chosen = _with_needed(named, stored, proposed) if accepted else _with_needing(named, stored, run)
    foreign = {shape for shape in named if draft_of(stored.get(shape, {})) != run}
    writes: dict[str, dict[str, Any]] = {}
    kept: list[Kept] = []
    said: dict[str, Verdict] = {}
    for shape in chosen:
        raw = stored.get(shape)
        share: list[Kept] = []
        held = proposed.shapes.get(shape, {})
        if accepted:
            fields, share = _applied(shape, raw, held)
            if raw is not None and draft_of(raw) is not None and raw.get("deleted") is not True:
                fields["draft"] = None
        else:
            fields, share = ({}, []) if shape in foreign else _rejected(doc, shape, raw)
        if fields:
            writes[shape] = fields
        kept += share
        for call in proposed.calls.get(shape, ()):
            said[key_of(call, shape)] = Verdict(
                run=run, call=call, shape=shape, accepted=accepted, by=by, at=at, kept=share
            )
    _write(doc, writes, said)
    return Decision(tuple(chosen), tuple(writes), kept)


def _applied(
    shape: str, raw: Mapping[str, Any] | None, fields: Mapping[str, list[Any]]
) -> tuple[dict[str, Any], list[Kept]]:
    """Rule 6: what to write of the pending fields of one shape, and what is kept."""
    if not fields:
        return {}, []
    if raw is None or raw.get("deleted") is True:
        return {}, [] if fields.get("deleted", [None, None])[1] is True else [[shape, "deleted", CHANGED]]
    writes: dict[str, Any] = {}
    kept: list[Kept] = []
    for name, (before, after) in sorted(fields.items()):
        now = raw.get(name)
        if same(now, after):
            continue
        if same(now, before):
            writes[name] = after
        else:
            kept.append([shape, name, CHANGED])
    return writes, kept


def _rejected(doc: Doc[Any], shape: str, raw: Mapping[str, Any] | None) -> tuple[dict[str, Any], list[Kept]]:
    """Rule 9, for one shape: nothing for one that is no ghost."""
    run = draft_of(raw) if raw is not None else None
    if raw is None or run is None or raw.get("deleted") is True:
        return {}, []
    left: dict[str, Any] = {}
    for call in logged_calls(doc, run):
        if call.status == "done" and shape not in call.proposed:
            left |= {name: pair[1] for name, pair in call.changes.get(shape, {}).items()}
    changed = differing(raw, left)
    return ({}, [[shape, changed[0], CHANGED]]) if changed else ({"deleted": True}, [])


def _with_needed(named: Iterable[str], stored: Mapping[str, Mapping[str, Any]], proposed: Pending) -> dict[str, None]:
    """Rule 4."""
    chosen: dict[str, None] = {}
    waiting = list(named)
    while waiting:
        shape = waiting.pop(0)
        if shape in chosen:
            continue
        chosen[shape] = None
        raw = stored.get(shape, {})
        after = {name: pair[1] for name, pair in proposed.shapes.get(shape, {}).items()}
        waiting += [other for other in _needs({**raw, **after}) if _is_ghost(stored.get(other))]
    return chosen


def _with_needing(named: Iterable[str], stored: Mapping[str, Mapping[str, Any]], run: str) -> dict[str, None]:
    """Rule 8."""
    chosen = dict.fromkeys(named)
    needs = {shape: set(_needs(stored[shape])) for shape in ghosts(stored)}
    wave = {shape for shape in chosen if _is_ghost(stored.get(shape)) and draft_of(stored[shape]) == run}
    while wave:
        wave = {shape for shape, needed in needs.items() if needed & wave and shape not in chosen}
        chosen |= dict.fromkeys(sorted(wave))
    return chosen


def _needs(raw: Mapping[str, Any]) -> Iterator[str]:
    for name in _NEEDS:
        end = raw.get(name)
        if isinstance(end, Mapping) and isinstance(end.get("id"), str):
            yield end["id"]
    if isinstance(raw.get("parent"), str):
        yield raw["parent"]


def _is_ghost(raw: Mapping[str, Any] | None) -> bool:
    return raw is not None and raw.get("deleted") is not True and draft_of(raw) is not None


def _write(doc: Doc[Any], writes: Mapping[str, Mapping[str, Any]], said: Mapping[str, Verdict]) -> None:
    if not writes and not said:
        return
    shapes: YMap[Any] = doc.get("shapes", type=YMap)
    drafts: YMap[Any] = doc.get("drafts", type=YMap)
    with doc.transaction():
        for shape, fields in writes.items():
            for name, value in fields.items():
                shapes[shape][name] = value
        for key, verdict in said.items():
            drafts[key] = dict(verdict)


def _stored(doc: Doc[Any]) -> dict[str, Mapping[str, Any]]:
    shapes = read_json(doc.get("shapes", type=YMap))
    return {k: v for k, v in shapes.items() if isinstance(v, Mapping)} if isinstance(shapes, Mapping) else {}
