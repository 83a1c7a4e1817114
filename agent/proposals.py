"""What runs propose, as the model reads it (docs/spec.md, R14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.changes import told_change
from agent.lines import token
from sync.canvas.canvas import Canvas
from sync.canvas.drafts import key_of, pending, rejected
from sync.canvas.history import LoggedCall, verdicts
from sync.canvas.schema import ShapeId
from sync.canvas.shape import Shape

MAX_IDS = 60  # shapes named with one word
MAX_RUNS = 8  # earlier runs whose proposals are told, the latest

PROPOSING = (
    "You propose: what you make appears as a ghost, what you change or delete stays as it is, until people accept or "
    "reject it. Below the board is as if they had accepted it. Say in your answer what you propose."
)


def proposal_lines(canvas: Canvas) -> list[str]:
    """What the run of the canvas proposes to change, and what people said to it; then what earlier runs propose."""
    own = canvas.proposal.run if canvas.proposal is not None else None
    lines = _own(canvas.doc, own) if own is not None else []
    runs = [run for run in proposing_runs(canvas.doc) if run != own]
    for run in runs[-MAX_RUNS:]:
        for shape, fields in sorted(pending(canvas.doc, run).shapes.items()):
            lines.append(f"{token(run)} would change {_line(canvas, shape, fields)}")
    return lines


def proposing_runs(doc: Doc[Any]) -> list[str]:
    """Ids of the runs that propose or did, in the order they were asked."""
    runs: YMap[Any] = doc.get("runs", type=YMap)
    found: list[tuple[float, str]] = []
    for key in runs.keys():  # noqa: SIM118 - a Y.Map is no dict
        entry = runs.get(key)
        if isinstance(entry, YMap) and entry.get("propose") is True:
            at = entry.get("at")
            found.append((at if isinstance(at, int | float) else 0, key))
    return [key for _, key in sorted(found)]


def outcome(doc: Doc[Any], calls: Iterable[LoggedCall]) -> list[str]:
    """What became of a run's proposals, for the thread: `[accepted: ids]`, `[rejected: ids]`, `[undecided: ids]`."""
    decided = verdicts(doc)
    shapes: YMap[Any] = doc.get("shapes", type=YMap)
    found: dict[str, dict[str, None]] = {"accepted": {}, "rejected": {}, "undecided": {}}
    for call in calls:
        for shape in call.created:
            entry = shapes.get(shape)
            if isinstance(entry, YMap):
                gone, draft = entry.get("deleted") is True, bool(entry.get("draft"))
                found["rejected" if gone and draft else "undecided" if draft else "accepted"][shape] = None
        for shape in call.proposed:
            verdict = decided.get(key_of(call.id, shape))
            found["undecided" if verdict is None else "accepted" if verdict else "rejected"][shape] = None
    return [f"[{word}: {' '.join(map(token, list(ids)[-MAX_IDS:]))}]" for word, ids in found.items() if ids]


def _own(doc: Doc[Any], run: str) -> list[str]:
    proposed = pending(doc, run).shapes
    gone = {shape for shape, fields in proposed.items() if fields.get("deleted", [None, None])[1] is True}
    named = (
        ("you propose to change", [shape for shape in proposed if shape not in gone]),
        ("you propose to delete", gone),
        ("people rejected what you proposed for", rejected(doc, run)),
    )
    return [f"{words}: {' '.join(map(token, sorted(ids)[:MAX_IDS]))}" for words, ids in named if ids]


def _line(canvas: Canvas, shape: str, fields: Mapping[str, list[Any]]) -> str:
    if fields.get("deleted", [None, None])[1] is True:
        return f"{token(shape)}: delete it"
    was = Shape(ShapeId(shape), {name: pair[0] for name, pair in fields.items()})
    now = Shape(ShapeId(shape), {name: pair[1] for name, pair in fields.items()})
    return f"{token(shape)}: {', '.join(told_change(name, was, now) for name in sorted(fields))}"
