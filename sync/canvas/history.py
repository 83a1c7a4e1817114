"""Taking calls back: write `before` only where the field still holds `after`, and say what was kept.

The rule, the same in frontend/src/history.ts (shared vectors: tests/vectors/undo.json):
1. Only calls with status `done` are taken back, the newest (by `at`, then `seq`, then id) first; each sees what the
   ones before it restored.
2. A changed field whose value now equals `after` gets `before`, exactly (null = as if absent). One that holds `before`
   already is left. Any other stays and is reported `[shape, field, "changed since"]`. Absent and null are the same.
   What a call only proposed (`proposed`, see drafts.py) is passed over unless a person has accepted it.
3. A created shape becomes a tombstone when every field it has now is as logged (`deleted: false` and `draft` aside) and
   no other field is set. Otherwise it stays whole and is reported once, with a field that differs. One that is a
   tombstone already is left alone and not reported.
4. Each call becomes `status: "undone", undo: {by, at, kept}` with its own share of the report, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.canvas import Canvas, Changes, read_json
from sync.canvas.conversation import Undone
from sync.canvas.schema import ShapeId
from sync.canvas.shape import plain

Kept = list[str]
"""[shape, field, why]."""
CHANGED = "changed since"


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One entry of `calls`, as far as taking it back needs it."""

    id: str
    run: str
    seq: int
    at: int
    status: str
    tool: str
    output: str
    changes: Changes
    created: tuple[str, ...]
    proposed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What `undo` did: the calls taken back, the shapes it wrote to, and what it left alone."""

    calls: tuple[str, ...]
    restored: tuple[str, ...]
    kept: list[Kept]


def logged_calls(doc: Doc[Any], run: str | None = None) -> list[LoggedCall]:
    """The call log, oldest first; of one run when given. Entries that cannot be read are left out."""
    entries: YMap[Any] = doc.get("calls", type=YMap)
    ids = [key for key in entries.keys() if run is None or key.startswith(f"{run}.")]  # noqa: SIM118 - not a dict
    return sorted(
        (call for key in ids if (call := logged_call(doc, key)) is not None and run in (None, call.run)),
        key=lambda call: (call.at, call.seq, call.id),
    )


def logged_call(doc: Doc[Any], call: str) -> LoggedCall | None:
    """One entry of the log, None when there is none."""
    entries: YMap[Any] = doc.get("calls", type=YMap)
    entry = entries.get(call) if call else None
    raw = read_json(entry) if isinstance(entry, YMap) else None
    if not isinstance(raw, dict):
        return None
    return LoggedCall(
        id=call,
        run=str(raw.get("run") or ""),
        seq=_int(raw.get("seq")),
        at=_int(raw.get("at")),
        status=str(raw.get("status") or ""),
        tool=str(raw.get("tool") or ""),
        output=raw["output"] if isinstance(raw.get("output"), str) else "",
        changes=_changes(raw.get("changes")),
        created=_strings(raw.get("created")),
        proposed=_strings(raw.get("proposed")),
    )


def verdicts(doc: Doc[Any]) -> dict[str, bool]:
    """f"{call}:{shape}" -> whether people accepted what that call proposed to that shape."""
    said = read_json(doc.get("drafts", type=YMap))
    entries = said.items() if isinstance(said, Mapping) else ()
    return {key: value.get("accepted") is True for key, value in entries if isinstance(value, Mapping)}


def in_effect(call: LoggedCall, decided: Mapping[str, bool]) -> Changes:
    """What a call has changed of the board: all but what it only proposed and nobody accepted."""
    if not call.proposed:
        return call.changes
    held = {shape for shape in call.proposed if decided.get(f"{call.id}:{shape}") is not True}
    return {shape: fields for shape, fields in call.changes.items() if shape not in held}


def stage_undo(canvas: Canvas, calls: Iterable[LoggedCall], by: str, at: int) -> UndoReport:
    """Stage the reverts of these calls on `canvas`; `canvas.write()` then takes them back."""
    newest_first = sorted(calls, key=lambda call: (call.at, call.seq, call.id), reverse=True)
    done: list[str] = []
    restored: dict[str, None] = {}
    kept: list[Kept] = []
    decided = verdicts(canvas.doc)
    for call in newest_first:
        if call.status != "done" or call.id in canvas.undone:
            continue
        share: list[Kept] = []
        for shape, fields in in_effect(call, decided).items():
            revert = _revert_created if shape in call.created else _revert_changed
            if revert(canvas, ShapeId(shape), fields, share):
                restored[shape] = None
        canvas.undone[call.id] = Undone(by=by, at=at, kept=share)
        done.append(call.id)
        kept += share
    return UndoReport(tuple(done), tuple(restored), kept)


def undo(doc: Doc[Any], call_ids: Iterable[str], by: str, at: int) -> UndoReport:
    """Take calls back in one transaction of its own; unknown ids and calls not `done` are passed over."""
    canvas = Canvas(doc)
    found = [call for name in dict.fromkeys(call_ids) if (call := logged_call(doc, name)) is not None]
    report = stage_undo(canvas, found, by, at)
    if canvas.is_changed:
        with doc.transaction():
            canvas.write()
    return report


def undo_run(doc: Doc[Any], run: str, by: str, at: int) -> UndoReport:
    """Take back every call of a run that is still in effect, in one transaction of its own."""
    return undo(doc, [call.id for call in logged_calls(doc, run)], by, at)


def overridden(canvas: Canvas, calls: Iterable[LoggedCall]) -> list[list[str]]:
    """[[shape, field], ...] that these calls wrote last and that holds something else now (somebody changed it)."""
    final: dict[tuple[str, str], Any] = {}
    decided = verdicts(canvas.doc)
    for call in sorted(calls, key=lambda call: (call.at, call.seq, call.id)):
        if call.status == "done":
            changes = in_effect(call, decided)
            final |= {(shape, f): pair[1] for shape, fields in changes.items() for f, pair in fields.items()}
    lost: list[list[str]] = []
    for (shape, field), after in final.items():
        current = canvas.find(shape)
        if current is not None and not same(current.raw.get(field), after):
            lost.append([shape, field])
    return lost


def same(a: Any, b: Any) -> bool:
    """JSON equality with 3 == 3.0 and true != 1."""
    return json.dumps(plain(a), sort_keys=True) == json.dumps(plain(b), sort_keys=True)


def differing(raw: Mapping[str, Any], logged: Mapping[str, Any]) -> list[str]:
    """Fields, by name, in which a shape is no longer as it was made; that it lives, or is a proposal, counts not."""
    now = {
        field: value for field, value in raw.items() if field != "draft" and not (field == "deleted" and value is False)
    }
    return sorted(field for field in {*now, *logged} if not same(now.get(field), logged.get(field)))


def _revert_changed(canvas: Canvas, shape: ShapeId, fields: Mapping[str, list[Any]], kept: list[Kept]) -> bool:
    current = canvas.find(shape)
    raw = current.raw if current is not None else {}
    wrote = False
    for field, (before, after) in fields.items():
        now = raw.get(field)
        if current is not None and same(now, after):
            canvas.revert(shape, field, before)
            wrote = True
        elif not same(now, before):
            kept.append([shape, field, CHANGED])
    return wrote


def _revert_created(canvas: Canvas, shape: ShapeId, fields: Mapping[str, list[Any]], kept: list[Kept]) -> bool:
    current = canvas.find(shape)
    raw = current.raw if current is not None else {}
    if raw.get("deleted") is True:
        return False
    changed = differing(raw, {field: pair[1] for field, pair in fields.items()})
    if changed:
        kept.append([shape, changed[0], CHANGED])
        return False
    canvas.revert(shape, "deleted", True)
    return True


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(s for s in value if isinstance(s, str)) if isinstance(value, list) else ()


def _int(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _changes(value: Any) -> Changes:
    if not isinstance(value, Mapping):
        return {}
    return {
        str(shape): {str(f): list(pair) for f, pair in fields.items() if isinstance(pair, list) and len(pair) == 2}
        for shape, fields in value.items()
        if isinstance(fields, Mapping)
    }
