"""The board under fingers and a pen, on a phone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from playwright.async_api import CDPSession, expect

from tests.e2e.conftest import Opener
from tests.e2e.person import PHONE, Person

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

# Buttons are clicked, not tapped: Chromium takes a late end of a tap for a long press, and then there is no click.
THUMB = 44  # px, the least width and height of what a thumb must hit


class Hand:
    """Fingers on a page, by what Chromium itself takes for touches."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    async def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        await self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    async def press(self, *points: tuple[float, float]) -> None:
        """Fingers down."""
        await self._send("touchStart", *points)

    async def slide(self, *steps: Sequence[tuple[float, float]]) -> None:
        """Fingers move from place to place."""
        for points in steps:
            await self._send("touchMove", *points)

    async def lift(self) -> None:
        """All fingers up."""
        await self._send("touchEnd")


async def hand_of(person: Person) -> Hand:
    return Hand(await person.page.context.new_cdp_session(person.page))


async def test_a_phone_opens_on_the_content_and_fingers_pan_zoom_move_and_ask_for_the_menu(enter: Opener) -> None:
    desk = await enter()
    first = await desk.draw("r", (80, 120), (240, 200))
    last = await desk.draw("o", (760, 560), (900, 640))
    await desk.saved()
    ann = await enter(viewport=PHONE, has_touch=True)
    for shape in (first, last):
        await expect(ann.shape(shape)).to_be_in_viewport(ratio=1)
    await ann.screenshot("phone-fitted")
    hand = await hand_of(ann)

    before = await ann.middle(first)
    await hand.press((300, 300))
    await hand.slide([(280, 330)], [(260, 360)])
    await hand.lift()  # one finger on the empty board moves it
    after = await ann.middle(first)
    assert (round(after[0] - before[0]), round(after[1] - before[1])) == (-40, 60)

    wide = await ann.shape(first).locator(".body").bounding_box()
    await hand.press((150, 400), (250, 400))
    await hand.slide([(130, 400), (270, 400)], [(100, 400), (300, 400)])
    await hand.lift()
    wider = await ann.shape(first).locator(".body").bounding_box()
    assert wide is not None
    assert wider is not None
    assert 1.9 < wider["width"] / wide["width"] < 2.1
    await expect(ann.shapes()).to_have_count(2)
    await ann.page.get_by_role("button", name="Menu", exact=True).click()
    await ann.page.get_by_role("menuitem", name="Show everything").click()
    await expect(ann.shape(first)).to_be_in_viewport(ratio=1)

    at = await ann.middle(first)
    await hand.press(at)
    await expect(ann.handle("shape-menu")).to_be_visible()
    await hand.lift()
    for item in await ann.page.get_by_role("menuitem").all():
        box = await item.bounding_box()
        assert box is not None
        assert box["height"] >= THUMB
        assert box["y"] + box["height"] <= PHONE["height"]
    await ann.screenshot("phone-menu")
    await ann.handle("menu-duplicate").click()
    await expect(ann.shapes()).to_have_count(3)
    bar = await ann.handle("style-bar").bounding_box()
    assert bar is not None
    assert bar["x"] >= 0
    assert bar["x"] + bar["width"] <= PHONE["width"]
    await ann.handle("style-colour").click()
    await ann.handle("colour-green").click()
    await expect(desk.page.locator('[data-fill="green"]')).to_have_count(1)
    await ann.screenshot("phone-colours")


async def test_after_a_pen_was_used_fingers_only_move_the_board(enter: Opener) -> None:
    ann = await enter(viewport=PHONE, has_touch=True)
    hand = await hand_of(ann)
    await ann.handle("tool-draw").tap()
    await hand.press((100, 300))
    await hand.slide([(140, 330)], [(200, 360)])
    await hand.lift()
    await expect(ann.shapes("draw")).to_have_count(1)  # without a pen fingers draw
    pen = await ann.page.context.new_cdp_session(ann.page)
    stroke = [
        ("mousePressed", 100, 450),
        ("mouseMoved", 160, 480),
        ("mouseMoved", 220, 460),
        ("mouseReleased", 220, 460),
    ]
    for kind, x, y in stroke:
        await pen.send(
            "Input.dispatchMouseEvent",
            {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen"},
        )
    await expect(ann.shapes("draw")).to_have_count(2)
    before = await ann.middle((await ann.ids())[0])
    await hand.press((100, 600))
    await hand.slide([(120, 600)], [(150, 600)])
    await hand.lift()
    after = await ann.middle((await ann.ids())[0])
    assert round(after[0] - before[0]) == 50
    await expect(ann.shapes()).to_have_count(2)
