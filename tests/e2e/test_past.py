"""Looking back on a board: versions on a slider, and a run of the assistant call by call."""

from __future__ import annotations

import anyio
import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import Opener
from tests.e2e.person import PHONE, Person
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


def past(person: Person) -> Locator:
    """The shapes of the moment that is looked at."""
    return person.handle("past").locator("[data-shape-id]")


def live(person: Person) -> Locator:
    """The shapes of the board as it is now."""
    return person.page.locator(".canvas:not(.past) [data-shape-id]")


async def look_at_versions(person: Person) -> None:
    await person.page.get_by_role("button", name="Menu").click()
    await person.page.get_by_role("menuitem", name="Versions").click()


async def keep(person: Person, name: str) -> None:
    """Names this moment, with the versions open."""
    await person.handle("version-name").fill(name)
    await person.handle("version-keep").click()
    await expect(person.handle("version-name")).to_have_value("")


def field_of(person: Person) -> Locator:
    """Where a version's name is written."""
    return person.handle("version-rename-field")


async def test_v5_versions_are_looked_at_on_a_slider_gone_back_to_and_forward_again(enter: Opener) -> None:
    ann, ben = await enter(name="Ann"), await enter(name="Ben")
    box = await ann.draw("r", (300, 200), (460, 300))
    await ann.write(box, "First")
    await ann.page.keyboard.press("Escape")
    await ann.saved()
    await look_at_versions(ann)
    await expect(ann.handle("past-detail")).to_contain_text("No versions yet")
    await keep(ann, "One box")
    await ann.page.keyboard.press("Escape")
    await expect(ann.handle("past-bar")).to_have_count(0)

    circle = await ben.draw("o", (600, 200), (700, 300))
    await ben.page.keyboard.press("Escape")
    await ben.click(box)
    await ben.recolour("green")
    await ben.saved()
    await expect(ann.shape(circle)).to_be_visible()
    await look_at_versions(ann)
    await keep(ann, "Two shapes")

    await ann.handle("past-slider").focus()
    await ann.page.keyboard.press("ArrowLeft")
    await expect(ann.handle("past-title")).to_have_text("Two shapes")
    await expect(ann.handle("past-detail")).to_have_text("1 made, 1 changed by Ben")
    await expect(past(ann)).to_have_count(2)
    await expect(ann.handle("past").locator("[data-mark]")).to_have_count(2)
    await ann.page.keyboard.press("ArrowLeft")
    await expect(ann.handle("past-title")).to_have_text("One box")
    await expect(past(ann)).to_have_count(1)
    await expect(past(ann)).not_to_have_attribute("data-fill", "green")
    await expect(past(ann)).to_contain_text("First")
    await ann.screenshot("versions")

    # Nothing of it can be changed, neither by key nor by hand; the others go on meanwhile.
    await ann.page.mouse.click(380, 250)
    await ann.page.keyboard.press("Control+a")
    await ann.page.keyboard.press("Delete")
    await ann.drag((380, 250), (420, 280))
    await ben.draw("d", (800, 200), (900, 300))
    await expect(live(ann)).to_have_count(3)
    await expect(past(ann)).to_have_count(1)

    await ann.handle("version-restore").click()
    await expect(ann.handle("past-bar")).to_have_count(0)
    for person in (ann, ben):
        await expect(live(person)).to_have_count(1)
        await expect(person.shape(box)).not_to_have_attribute("data-fill", "green")
    await ann.handle("notice").get_by_role("button", name="Undo").click()
    for person in (ann, ben):
        await expect(live(person)).to_have_count(3)
        await expect(person.shape(box)).to_have_attribute("data-fill", "green")
    await ann.saved()


async def test_v6_a_version_is_renamed_in_place_by_keyboard_and_escape_gives_up_the_name_only(enter: Opener) -> None:
    ann, ben = await enter(name="Ann"), await enter(name="Ben", viewport=PHONE, has_touch=True)
    await ann.draw("r", (300, 200), (460, 300))
    await ann.page.keyboard.press("Escape")
    await ann.saved()
    await look_at_versions(ann)
    await expect(ann.handle("version-rename")).to_have_count(0)  # now is no version
    await keep(ann, "Frist")
    await ann.handle("past-earlier").click()  # goes grey, and must not take the keyboard with it
    await expect(ann.handle("past-slider")).to_be_focused()
    await expect(ann.handle("past-title")).to_have_text("Frist")

    field = field_of(ann)
    await ann.page.keyboard.press("F2")
    await expect(field).to_be_focused()
    await ann.page.keyboard.type("Never mind")
    await ann.page.keyboard.press("Escape")
    await expect(ann.handle("past-title")).to_have_text("Frist")
    await expect(ann.handle("version-rename")).to_be_focused()  # and its Enter begins anew
    await ann.page.keyboard.press("Enter")
    await expect(field).to_be_focused()
    await ann.page.keyboard.type("First")
    await ann.screenshot("version-rename")
    await ann.page.keyboard.press("Enter")
    await expect(ann.handle("past-title")).to_have_text("First")
    await expect(ann.handle("past-detail")).to_have_text("Named “First”.")
    await expect(ann.handle("version-rename")).to_be_focused()

    await look_at_versions(ben)
    await expect(ben.handle("past-slider")).to_have_attribute("max", "1")
    await ben.handle("past-earlier").click()
    await expect(ben.handle("past-title")).to_have_text("First")
    await ben.handle("version-rename").tap()
    await field_of(ben).fill("First box")
    await ben.handle("past-detail").tap()  # leaving it saves, as everywhere
    await expect(ben.handle("past-title")).to_have_text("First box")


async def test_versions_without_a_server_say_so(enter: Opener, server: Server) -> None:
    ann = await enter(viewport=PHONE, has_touch=True, theme="dark")
    await look_at_versions(ann)
    await expect(ann.handle("past-detail")).to_contain_text("No versions yet")
    await ann.screenshot("versions-phone")
    await ann.handle("past-close").click()
    await anyio.to_thread.run_sync(server.kill)
    await look_at_versions(ann)
    await expect(ann.handle("past-detail")).to_contain_text("The server cannot be reached")
    await ann.handle("past-close").click()
    await expect(ann.handle("past-bar")).to_have_count(0)


async def test_who_made_and_who_moved_a_shape_is_told_when_the_pointer_rests_on_it(enter: Opener) -> None:
    ann, ben = await enter(name="Ann"), await enter(name="Ben")
    box = await ann.draw("r", (300, 200), (460, 300))
    await ann.page.keyboard.press("Escape")
    await ben.click(box)
    await ben.page.keyboard.press("ArrowRight")
    await ben.saved()
    moved = await ben.written(box)
    await expect(ann.shape(box)).to_have_attribute("data-x", f"{moved['x']:g}")
    await ann.page.mouse.move(380, 250)
    await expect(ann.handle("attribution")).to_contain_text("Made by you · now")
    await expect(ann.handle("attribution")).to_contain_text("Moved by Ben")
    await ann.screenshot("attribution")
    await ann.page.mouse.move(700, 500)
    await expect(ann.handle("attribution")).to_be_hidden()
    # Ben's page was another one then, with another client id.
    await ben.page.reload()
    await ben.saved()
    await expect(ben.handle("attribution")).to_have_count(1)  # its code comes after the first paint
    await ben.page.mouse.move(380, 250)
    await expect(ben.handle("attribution")).to_contain_text("Made by Ann")
    await expect(ben.handle("attribution")).to_contain_text("Moved by you")
    await ben.page.mouse.down()
    await expect(ben.handle("attribution")).to_be_hidden()
