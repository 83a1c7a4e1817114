"""Comments: what a person with the role `comment` can do in the browser and what not (docs/spec.md A8, A13)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import Opener
from tests.e2e.person import PHONE, Person
from tests.e2e.test_access import SECRET, link_of, place
from tests.e2e.test_accessible import serious
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for tokens, for this module."""
    with Server(tmp_path_factory.mktemp("comments"), environ={"COPLAYER_SECRET": SECRET}) as running:
        yield running
    assert "Traceback" not in running.output, running.output


def pins(person: Person) -> Locator:
    """The pins of comments on the board."""
    return person.handle("comment-pin")


async def test_a13_who_may_comment_comments_on_a_shape_by_keyboard_and_can_change_nothing_else(enter: Opener) -> None:
    ann = await enter(place("admin", "u_ann"), name="Ann")
    shape = await ann.draw("r", (300, 200), (460, 300))
    await ann.write(shape, "Plan")
    link = await link_of(ann, "comment")
    await ann.page.keyboard.press("Escape")

    eve = await enter(link.partition("/r/")[2], name="Eve")
    await expect(eve.handle("status")).to_have_text("Comments only")
    await expect(eve.shapes()).to_have_count(1)
    for tool in ("tool-rect", "tool-draw", "tool-ask", "undo", "style-bar", "propose-switch", "comment-switch"):
        await expect(eve.handle(tool)).to_have_count(0)
    await eve.click(shape)
    for key in ("Delete", "r", "ArrowLeft", "Control+d", "Control+z", "Enter", "Control+Shift+l"):
        await eve.page.keyboard.press(key)
    await eve.drag((350, 450), (500, 520))
    await expect(eve.handle("board-name")).to_have_attribute("readonly", "")

    await eve.click(shape)
    await eve.page.keyboard.press("c")
    await expect(eve.handle("assistant-input")).to_be_focused()
    await eve.page.keyboard.type("Which plan is this?")
    assert await serious(eve, "commenting") == []
    await eve.page.keyboard.press("Enter")
    await expect(eve.handle("comment")).to_contain_text("Which plan is this?")
    await expect(pins(eve)).to_have_count(1)
    await eve.saved()  # what the chip says holds for comments, too: it is on the server's disk
    await eve.screenshot("comments-commenter")
    assert await serious(eve, "commented") == []
    assert await eve.everything() == await ann.everything()

    # The other reads it, answers in the same place, and puts it away; nobody asked the assistant anything.
    await expect(ann.handle("comment")).to_contain_text("Eve")
    pin = ann.page.get_by_role("button", name=re.compile("^1 comment on Plan. Eve: Which plan"))
    await pin.focus()
    await ann.page.keyboard.press("Enter")
    await expect(ann.handle("comment")).to_be_focused()
    await ann.page.mouse.click(*await ann.middle(shape), button="right")
    await ann.handle("menu-comment").click()
    await expect(ann.handle("assistant-input")).to_be_focused()
    await ann.page.keyboard.type("The second one.")
    await ann.page.keyboard.press("Enter")
    await expect(pins(eve)).to_have_attribute("data-count", "2")
    await expect(eve.handle("comment").last).to_contain_text("The second one.")
    await ann.screenshot("comments-writer")
    await expect(ann.handle("run-card")).to_have_count(0)
    await expect(eve.handle("comment-resolve")).to_have_count(0)
    for number in (0, 1):
        await ann.handle("comment-resolve").nth(number).click()
    await expect(pins(eve)).to_have_count(0)
    await expect(eve.handle("comment").first).to_have_attribute("data-state", "resolved")


async def test_a13_a_comment_written_on_a_phone_without_a_network_is_sent_when_it_is_back(enter: Opener) -> None:
    ann = await enter(place("write", "u_ann"), name="Ann", theme="dark")
    shape = await ann.draw("n", (300, 500), (460, 600))
    await expect(ann.handle("text-editor")).to_be_focused()
    await ann.page.keyboard.press("Escape")
    await ann.page.keyboard.press("Escape")
    await ann.saved()
    eve = await enter(place("comment", "u_eve"), name="Eve", viewport=PHONE, has_touch=True, theme="dark")
    await expect(eve.shape(shape)).to_be_in_viewport()
    await eve.page.touchscreen.tap(*await eve.middle(shape))
    before = await eve.handle("comment").count()
    await eve.page.context.set_offline(True)
    await eve.wait_for("offline")
    await eve.handle("tool-comment").tap()
    await expect(eve.handle("assistant-input")).to_be_focused()
    await eve.handle("assistant-input").fill("From the train")
    await eve.handle("assistant-send").tap()
    await eve.wait_for("offline", pending=1)
    await expect(eve.handle("comment")).to_have_count(before + 1)
    await eve.screenshot("comments-phone-offline")
    assert await serious(eve, "phone") == []
    await eve.page.context.set_offline(False)
    await eve.saved()
    await expect(ann.handle("comment").last).to_contain_text("From the train")
    await expect(pins(ann)).to_have_count(1)
    await ann.screenshot("comments-dark")
    # What the comment is about comes to stand above the sheet that the panel is on a phone.
    await eve.handle("comment").last.get_by_role("button", name="About").tap()
    await eve.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box, sheet = await eve.shape(shape).bounding_box(), await eve.handle("assistant-panel").bounding_box()
    assert box is not None
    assert sheet is not None
    assert box["y"] + box["height"] < sheet["y"]
    await eve.screenshot("comments-phone")
