"""One line a shape, safely: `s12 rect -120,-40 100x60 green "Login" in=f1 by=Ann z=3`.

Everything a peer wrote is data: text is quoted JSON without control, bidi or invisible characters, ids and names that
are not plain tokens are quoted too, and `</` cannot appear, so nothing from the board starts a line or ends a block.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping

from sync.canvas.schema import SHAPE_FIELDS, End
from sync.canvas.shape import Shape

MAX_LABEL = 80  # characters of a label in a line; `look` with detail=full gives more
MAX_LABEL_FULL = 2000

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})  # Unicode categories that show nothing or turn the line
_TOKEN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:~-]{0,127}\Z")


def clean(text: str, limit: int = MAX_LABEL_FULL) -> str:
    """Text without control, bidi and invisible characters (line breaks stay), cut to `limit` characters with `…`."""
    kept = "".join(c for c in text[: 4 * limit] if c == "\n" or unicodedata.category(c) not in _UNSEEN)
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def quoted(text: str, limit: int = MAX_LABEL) -> str:
    """Board text as one JSON string that stays on its line and cannot close a marked block."""
    return json.dumps(clean(text, limit), ensure_ascii=False).replace("</", "<\\/")


def token(name: str) -> str:
    """An id or a name: as it is when it is a plain word, quoted otherwise."""
    return name if _TOKEN.match(name) else quoted(name)


def shape_line(shape: Shape, names: Mapping[str, str], rank: int | None = None) -> str:
    """The line of one shape. `names` maps user ids to names; `rank` is its place in the stack, 0 the lowest."""
    parts = [token(shape.id), shape.type]
    if shape.type == "connector":
        parts += [f"{_end(shape.source)}->{_end(shape.target)}", shape.stroke]
    else:
        box = shape.box
        parts += [f"{_px(box.x)},{_px(box.y)}", f"{_px(box.w)}x{_px(box.h)}"]
        parts.append(shape.stroke if shape.fill == "none" else shape.fill)
    if shape.text:
        parts.append(quoted(shape.text))
    if shape.rotation:
        parts.append(f"rot={_px(shape.rotation)}")
    if shape.parent:
        parts.append(f"in={token(shape.parent)}")
    if shape.locked:
        parts.append("locked")
    if shape.draft:
        parts.append("proposed")
    if shape.by:
        parts.append(f"by={token(names.get(shape.by, shape.by))}")
    if rank is not None:
        parts.append(f"z={rank}")
    return " ".join(parts)


def shape_full(shape: Shape) -> dict[str, object]:
    """Every field that is set, cleaned, as JSON; a drawing's points as a count."""
    fields: dict[str, object] = {"id": clean(shape.id, 128)}
    for name in SHAPE_FIELDS:
        if shape.raw.get(name) is None or (name == "deleted" and not shape.deleted):
            continue
        value = shape.field(name)
        fields[name] = clean(value) if isinstance(value, str) else value
    if "points" in fields:
        fields["points"] = f"{len(shape.points) // 2} points"
    return fields


def _end(end: End | None) -> str:
    if end is None:
        return "nothing"
    return token(end["id"]) if "id" in end else f"({_px(end['x'])},{_px(end['y'])})"


def _px(value: float) -> str:
    return str(round(value))
