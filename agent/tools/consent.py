"""What must not be deleted before a person said yes: much, or what is others' and nobody spoke of.

The person is asked by the run loop in words made here, never by the model, so that no text on the board can word the
question. Asking once too often costs a click; a board that is gone costs trust.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sync.canvas.canvas import Canvas
from sync.canvas.history import logged_calls
from sync.canvas.shape import Shape

MAX_UNASKED = 20  # shapes one run may delete before a person is asked; a person can still see what went
MIN_NAMED = 2  # characters of a label that count as speaking of the shape

DELETE, KEEP = "Delete", "Keep"
"""The two answers."""
CONFIRMED = re.compile(r'"confirmed": ?true')
"""In the output of a call that a person said yes to."""

_DELETING = re.compile(
    r"\b(?:delet|remov|eras|clear|clean|wip(?:e|ing)|discard|destroy|drop|trash|throw|get(?:ting)? rid|empty|start over"
    r"|cut|purg|l(?:ö|oe)sch|entfern|weg|leer|supprim|efface|enl(?:è|e)ve|retire|borr|elimin|quita|cancell|rimuov|apag"
    r"|remova|verwijder|wis|usuń|skasuj|удал|убер|стер|sil)|削除|消し|删|清除|移除|삭제|지워",
    re.IGNORECASE,
)
"""Words that speak of deleting, by their beginnings, in a dozen languages."""


_UNDOING = re.compile(
    r"\b(?:undo|undid|revert|never ?mind|roll(?:ed)? ?back|(?:take|took|put|go|bring)\b.{0,20}\bback|restore"
    r"|rückgängig|zur(?:ü|ue)ck|annul|deshac|deshaz|desfaz|desfa|annull|ongedaan|cofnij|отмен|верн|geri al)"
    r"|撤销|撤消|取り消|元に戻|실행 취소|되돌",
    re.IGNORECASE,
)
"""Words that speak of taking back."""


def objection(
    canvas: Canvas, deleted: Sequence[str], run: str, request: str, selection: Collection[str], own: Collection[str]
) -> str | None:
    """The question to ask before these are deleted, None when there is no need. `own`: the assistant and who asks."""
    doomed = [shape for name in deleted if (shape := canvas.find(name)) is not None]
    strangers = [] if _DELETING.search(request) else _unspoken(doomed, request, selection, own)
    now = _counted(canvas, deleted, run)
    total = now + _deleted_unasked(canvas, run)
    if strangers:
        return f"Delete {_shapes(len(doomed))}, {len(strangers)} of them made by others?"
    if now and total > MAX_UNASKED:
        return f"Delete {_shapes(len(doomed))}{f' more, after {total - now}' if total > now else ''}?"
    return None


def objection_to_undo(canvas: Canvas, gone: Sequence[str], run: str, request: str) -> str | None:
    """The question before shapes go that the assistant made for other requests, and whose going nobody spoke of."""
    others = _counted(canvas, gone, run)
    if not others or _UNDOING.search(request) or _DELETING.search(request):
        return None
    return f"Take back {_shapes(others)} made for earlier requests?"


def _unspoken(doomed: Sequence[Shape], request: str, selection: Collection[str], own: Collection[str]) -> list[Shape]:
    """Those that others made and the person who asks neither selected nor named; lines go with what they connect."""
    gone = {shape.id for shape in doomed if shape.type != "connector"}
    words = request.casefold()
    return [
        shape
        for shape in doomed
        if shape.by not in own
        and shape.id not in selection
        and not (len(shape.text.strip()) >= MIN_NAMED and shape.text.strip().casefold() in words)
        and not (shape.type == "connector" and gone & _ends(shape))
    ]


def _ends(connector: Shape) -> set[str]:
    return {end["id"] for end in (connector.source, connector.target) if end and "id" in end}


def _deleted_unasked(canvas: Canvas, run: str) -> int:
    """Shapes that this run deleted since somebody last said yes."""
    count = 0
    for call in logged_calls(canvas.doc, run):
        if call.status == "done":
            gone = [s for s, fields in call.changes.items() if fields.get("deleted", [None, None])[1] is True]
            count = 0 if gone and CONFIRMED.search(call.output) else count + _counted(canvas, gone, run)
    return count


def _counted(canvas: Canvas, deleted: Sequence[str], run: str) -> int:
    """Without those that the run made itself."""
    found = [canvas.find(name) for name in deleted]
    return sum(shape is not None and shape.field("run") != run for shape in found)


def _shapes(count: int) -> str:
    return f"{count} shape{'' if count == 1 else 's'}"
