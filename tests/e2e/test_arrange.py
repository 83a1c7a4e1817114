"""Groups, locks, frames, order and snapping: what people do with shapes that are there."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Opener
from tests.e2e.person import Person
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


async def stored(person: Person, server: Server, room: str = "team/board") -> dict[str, dict[str, Any]]:
    """The shapes as the server has them."""
    await person.saved()
    answer = await person.page.request.get(f"{server.url}/api/rooms/{room}/doc")
    shapes: dict[str, dict[str, Any]] = (await answer.json())["shapes"]
    return shapes


async def empty(person: Person) -> None:
    """Press on the board where nothing is."""
    await person.page.mouse.click(80, 650)


async def test_a_group_is_selected_and_moved_as_one_entered_by_a_double_click_and_copied_as_a_group_of_its_own(
    enter: Opener, server: Server
) -> None:
    """D12, D14."""
    ann, ben = await enter(), await enter()
    left = await ann.draw("r", (200, 200), (300, 260))
    right = await ann.draw("o", (360, 200), (460, 260))
    other = await ann.draw("d", (700, 500), (800, 560))
    await ann.click(left)
    await ann.page.keyboard.down("Shift")
    await ann.click(right)
    await ann.page.keyboard.up("Shift")
    await ann.page.keyboard.press("Control+g")
    shapes = await stored(ann, server)
    assert shapes[left]["group"] == shapes[right]["group"] != shapes[other].get("group")

    await expect(ben.shapes()).to_have_count(3)
    before = {shape: await ben.written(shape) for shape in (left, right)}
    start = await ben.middle(left)
    await ben.drag(start, (start[0] + 40, start[1] + 90))  # Ben clicks only one of the two
    for shape in (left, right):
        await expect(ann.shape(shape)).to_have_attribute("data-y", str(int(before[shape]["y"] + 90)))

    await empty(ben)
    await ben.page.mouse.dblclick(*await ben.middle(left))
    await expect(ben.handle("text-editor")).to_have_count(0)
    inner = await ben.middle(left)
    await ben.drag(inner, (inner[0], inner[1] + 100))  # inside the group one shape moves by itself
    await expect(ann.shape(left)).to_have_attribute("data-y", str(int(before[left]["y"] + 190)))
    await expect(ann.shape(right)).to_have_attribute("data-y", str(int(before[right]["y"] + 90)))
    await ben.page.keyboard.press("Escape")
    await expect(ben.page.locator(".member")).to_have_count(2)  # and out of it again: the whole group

    await ben.page.keyboard.press("Control+d")
    await expect(ben.shapes()).to_have_count(5)
    shapes = await stored(ben, server)
    groups = [shape["group"] for shape in shapes.values() if shape.get("group")]
    assert len(groups) == 4
    assert len(set(groups)) == 2
    await ben.page.keyboard.press("Delete")
    await expect(ann.shapes()).to_have_count(3)

    await ann.click(right)
    await ann.page.keyboard.press("Control+Shift+g")
    shapes = await stored(ann, server)
    assert not shapes[left].get("group")
    await ann.page.keyboard.press("Control+z")
    assert (await stored(ann, server))[left]["group"]


async def test_a_locked_shape_is_left_alone_by_every_tool_until_it_is_unlocked(enter: Opener, server: Server) -> None:
    """D13."""
    ann = await enter()
    shape = await ann.draw("r", (300, 200), (500, 300))
    loose = await ann.draw("o", (600, 200), (700, 300))
    await ann.page.mouse.click(400, 250, button="right")
    await ann.screenshot("menu")
    await ann.handle("menu-lock").click()
    before = (await stored(ann, server))[shape]
    assert before["locked"] is True

    await ann.drag((400, 250), (650, 280))  # a lasso begins on it
    await expect(ann.page.locator(".selected")).to_have_count(1)
    await ann.page.keyboard.press("Control+a")
    await ann.page.keyboard.press("ArrowRight")
    await ann.click(shape)
    await expect(ann.handle("style-unlock")).to_be_visible()
    await expect(ann.handle("style-colour")).to_have_count(0)
    for key in ("Delete", "ArrowLeft", "Enter"):
        await ann.page.keyboard.press(key)
    await expect(ann.page.locator("[data-handle]")).to_have_count(0)
    await ann.screenshot("locked")
    assert (await stored(ann, server))[shape] == before
    assert (await stored(ann, server))[loose]["x"] == (await ann.written(loose))["x"]
    await ann.handle("style-unlock").click()
    await ann.page.keyboard.press("Delete")
    await expect(ann.shapes()).to_have_count(1)


async def test_a_frame_takes_in_what_is_drawn_dropped_or_framed_and_moves_with_it(
    enter: Opener, server: Server
) -> None:
    """D12."""
    ann, ben = await enter(), await enter()
    inside = await ann.draw("r", (300, 220), (400, 280))
    outside = await ann.draw("o", (760, 500), (840, 560))
    frame = await ann.draw("f", (260, 180), (640, 420))
    shapes = await stored(ann, server)
    assert shapes[inside]["parent"] == frame
    assert not shapes[outside].get("parent")

    await ann.page.mouse.dblclick(290, 170)
    await expect(ann.handle("text-editor")).to_be_focused()
    await ann.page.keyboard.type("Sprint 1")
    await ann.page.keyboard.press("Enter")
    await expect(ben.shape(frame)).to_have_attribute("aria-label", "Frame: Sprint 1")

    await ann.drag(await ann.middle(outside), (540, 330), release=False)
    await expect(ann.page.locator(".bind")).to_have_count(1)  # the frame says that it will take it
    await ann.screenshot("frame-drop")
    await ann.page.mouse.up()
    await expect(ann.page.locator(".bind")).to_have_count(0)
    assert (await stored(ann, server))[outside]["parent"] == frame

    before = {shape: await ann.written(shape) for shape in (inside, outside)}
    await empty(ann)
    await ann.drag((260, 300), (220, 340))  # by its border
    for shape in (inside, outside):
        await expect(ben.shape(shape)).to_have_attribute("data-y", str(int(before[shape]["y"] + 40)))

    await empty(ann)
    await ann.drag(await ann.middle(outside), (760, 600))
    assert not (await stored(ann, server))[outside].get("parent")
    await empty(ann)
    await ann.page.mouse.click(220, 340)
    await ann.page.keyboard.press("Delete")  # a frame goes with what is in it
    await expect(ben.shapes()).to_have_count(1)
    await ann.page.keyboard.press("Control+z")
    await expect(ben.shapes()).to_have_count(3)


async def test_edges_and_gaps_line_up_while_shapes_are_moved_and_resized(enter: Opener) -> None:
    ann = await enter()
    first = await ann.draw("r", (200, 200), (300, 260))
    second = await ann.draw("r", (380, 200), (480, 260))
    third = await ann.draw("r", (600, 400), (700, 460))
    await empty(ann)
    at = await ann.middle(third)
    await ann.drag(at, (at[0] + 13, 233), release=False)  # near the row: level with it, and as far from the second
    await ann.drag(at, (613, 233), release=False)
    await expect(ann.page.locator(".guide")).not_to_have_count(0)
    await ann.screenshot("equal-gaps")
    await ann.page.mouse.up()
    boxes = [await ann.written(shape) for shape in (first, second, third)]
    assert boxes[2]["y"] == boxes[0]["y"]
    assert boxes[2]["x"] - boxes[1]["x"] == boxes[1]["x"] - boxes[0]["x"]
    await expect(ann.page.locator(".guide")).to_have_count(0)

    low = await ann.draw("o", (400, 450), (520, 520))
    corner = await ann.page.locator('[data-handle="se"]').bounding_box()
    assert corner is not None
    grip = (corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    edge = await ann.shape(second).locator(".body").bounding_box()
    assert edge is not None
    await ann.drag(grip, (grip[0] - 37, grip[1] + 20))
    box = await ann.written(low)
    assert box["x"] + box["w"] == boxes[1]["x"] + boxes[1]["w"]  # its right edge has caught the second's
    assert box["h"] == 90


async def test_the_style_bar_sets_opacity_line_route_heads_and_words_for_all_that_is_selected_at_once(
    enter: Opener, server: Server
) -> None:
    ann, ben = await enter(), await enter()
    left = await ann.draw("r", (200, 200), (300, 260))
    right = await ann.draw("o", (500, 360), (600, 420))
    link = await ann.draw("a", await ann.middle(left), await ann.middle(right))
    await ann.handle("style-line").click()
    for choice in ("route-elbow", "head-start_head", "line-4", "line-dashed"):
        await ann.handle(choice).click()
        await expect(ann.handle(choice)).to_have_attribute("aria-pressed", "true")
    await ann.screenshot("connector-style")
    await empty(ann)
    await ann.drag((150, 150), (640, 440))
    await ann.handle("style-colour").click()
    await ann.handle("opacity").fill("40")
    await ann.handle("style-text").click()
    await ann.handle("text-20").click()
    await ann.handle("align-left").click()
    shapes = await stored(ann, server)
    wanted = {"route": "elbow", "start_head": "arrow", "stroke_width": 4, "dashed": True, "opacity": 0.4}
    assert shapes[link].items() >= wanted.items()
    for shape in (left, right):
        assert shapes[shape].items() >= {"opacity": 0.4, "font_size": 20, "text_align": "left"}.items()
        await expect(ben.shape(shape)).to_have_attribute("opacity", "0.4")
    made = {shape: (shapes[shape]["by"], shapes[shape]["at"]) for shape in shapes}

    await ben.click(right)
    await ben.handle("style-more").click()
    await ben.handle("menu-back").click()
    await expect(ann.shapes().first).to_have_attribute("data-shape-id", right)
    shapes = await stored(ben, server)
    assert {shape: (shapes[shape]["by"], shapes[shape]["at"]) for shape in shapes} == made  # who made it stays

    await ann.handle("zoom").click()
    await ann.handle("zoom-200").click()
    await expect(ann.handle("zoom")).to_have_text("200%")
    await ann.page.keyboard.press("Shift+Digit2")
    await expect(ann.shape(left)).to_be_in_viewport()
    await ann.page.keyboard.press("Shift+Digit0")
    await expect(ann.handle("zoom")).to_have_text("100%")
