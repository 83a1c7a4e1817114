"""Pictures that the model asked for, drawn when it is asked next: as the board is then, and nothing of them is kept.

So a worker that goes on with a run draws them anew, and a picture is paid for once. Drawing is work for a thread, on a
copy of the document: a board of thousands takes seconds.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from anyio import to_thread
from pycrdt import Doc

from agent.lines import token
from agent.model import Item
from agent.tools.picture import DEFAULT_PX, Picture
from sync.canvas.canvas import Canvas, Proposal
from sync.canvas.geometry import Box
from sync.canvas.marks import numbered
from sync.canvas.render import render
from sync.picture import png

MARK_PX = 15  # height of a number in the picture
MAX_SCALE = 4.0  # a small region is not blown up further
MAX_BYTES = 1_000_000  # of a PNG; flat shapes make 30 to 200 KB, and every one is sent as base64
LEAST_PX = 64


async def drawn(
    doc: Doc[Any], wanted: Picture, call: str, proposal: Proposal | None, max_bytes: int = MAX_BYTES
) -> Item:
    """The message that holds a picture; of a smaller one where it would have more than `max_bytes`."""
    state = doc.get_update()
    return await to_thread.run_sync(_message, state, wanted, call, proposal, max_bytes)


def _message(state: bytes, wanted: Picture, call: str, proposal: Proposal | None, max_bytes: int) -> Item:
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    canvas = Canvas(doc, None, proposal)
    side = wanted.max_px or DEFAULT_PX
    data, area, legend = _png(canvas, wanted.box, side, marks=wanted.marks)
    while len(data) > max_bytes and side > LEAST_PX:
        side //= 2
        data, area, legend = _png(canvas, wanted.box, side, marks=wanted.marks)
    told = f"The picture of call {token(call)}: board px {_px(area.x)},{_px(area.y)} {_px(area.w)}x{_px(area.h)}."
    if legend:
        told += f" Marks: {legend}."
    return {
        "type": "message",
        "role": "user",
        "content": [
            {"type": "input_text", "text": told},
            {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{b64encode(data).decode()}"},
        ],
    }


def _png(canvas: Canvas, region: Box | None, side: int, *, marks: bool) -> tuple[bytes, Box, str]:
    """The picture, the part of the board it shows, and the legend of its marks."""
    area = render(canvas, region=region).area
    scale = min(side / max(area.w, area.h), MAX_SCALE)
    shown = [shape for shape in canvas.shapes() if not canvas.is_open(shape)] if marks else []
    numbers = numbered(shown, canvas, area)
    picture = render(canvas, region=region, marks=numbers, mark_size=MARK_PX / scale)
    legend = ", ".join(f"{number} = {token(shape)}" for shape, (number, _) in numbers.items())
    return png(picture.svg, picture.w, picture.h, scale), area, legend


def _px(value: float) -> str:
    return str(round(value))
