"""The room list in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

import anyio
import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, ViewportSize, expect

from tests.e2e.conftest import Opener
from tests.e2e.person import DESK, PHONE, Person
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

Visit = Callable[..., Awaitable[Person]]


@pytest.fixture
async def visit(browser: Browser, server: Server) -> AsyncIterator[Visit]:
    """`await visit()` is a new person at the room list."""
    people: list[Person] = []
    contexts: list[BrowserContext] = []

    async def open_list(viewport: ViewportSize = DESK, theme: Literal["light", "dark"] = "light") -> Person:
        contexts.append(await browser.new_context(viewport=viewport, color_scheme=theme))
        person = Person(await contexts[-1].new_page())
        people.append(person)
        await person.page.goto(server.url)
        return person

    yield open_list
    for context in contexts:
        await context.close()
    assert [problem for person in people for problem in person.problems] == []


async def make(server: Server, *titles: str) -> None:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        for number, title in enumerate(titles):
            answer = await client.post("/api/rooms", json={"room": f"room-{number}", "title": title})
            assert answer.status_code == 201, answer.text


def boards(person: Person) -> Locator:
    return person.page.locator("[data-room]")


async def test_a_board_is_made_named_opened_and_deleted(visit: Visit, server: Server) -> None:
    ann = await visit()
    await expect(ann.handle("room-list")).to_contain_text("Make your first board")
    await ann.screenshot("rooms-empty")
    await ann.handle("new-room").click()
    await ann.page.wait_for_url(f"{server.url}/r/*")
    await ann.saved()
    await ann.draw("r", (300, 200), (460, 300))
    await ann.saved()
    await ann.page.goto(server.url)
    await expect(boards(ann)).to_contain_text("Untitled board")
    await expect(boards(ann).locator("svg [style]").first).to_be_attached()  # its picture is drawn

    await ann.page.get_by_role("button", name="Rename Untitled board").click()
    await ann.page.keyboard.type("Plans <b>& more</b>")
    await ann.page.keyboard.press("Enter")
    await expect(ann.page.locator(".room-title")).to_have_text("Plans <b>& more</b>")
    await ann.page.reload()
    await ann.page.get_by_role("link", name="Open Plans").click()
    await expect(ann.shapes("rect")).to_have_count(1)
    await expect(ann.handle("board-name")).to_have_value("Plans <b>& more</b>")

    await ann.page.goto(server.url)
    await ann.page.get_by_role("button", name="Delete Plans").click()
    await ann.page.get_by_role("button", name="Cancel").click()
    await expect(boards(ann)).to_have_count(1)
    await ann.page.get_by_role("button", name="Delete Plans").click()
    await ann.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(ann.handle("room-list")).to_contain_text("Make your first board")
    await ann.page.reload()
    await expect(ann.handle("room-list")).to_contain_text("Make your first board")


async def test_renaming_can_be_called_off(visit: Visit, server: Server) -> None:
    await make(server, "Plans")
    ann = await visit()
    await ann.page.get_by_role("button", name="Rename Plans").click()
    await ann.page.keyboard.type("Oops")
    await ann.page.keyboard.press("Escape")
    await expect(ann.page.locator(".room-title")).to_have_text("Plans")
    await expect(ann.page.get_by_role("button", name="Rename Plans")).to_be_focused()


async def test_the_list_tells_who_is_on_a_board_now(visit: Visit, enter: Opener) -> None:
    await enter("team/board")
    ann = await visit()
    await expect(boards(ann)).to_contain_text("1 person now")


async def test_a_search_field_comes_with_many_boards(visit: Visit, server: Server) -> None:
    await make(server, "Plan A")
    ann = await visit()
    await expect(boards(ann)).to_have_count(1)
    await expect(ann.page.get_by_role("searchbox")).to_have_count(0)
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        for number in range(9):
            await client.post("/api/rooms", json={"title": f"Sprint {number}"})
    await ann.page.reload()
    await expect(boards(ann)).to_have_count(10)
    await ann.page.get_by_role("searchbox").fill("plan")
    await expect(boards(ann)).to_have_count(1)
    await ann.page.get_by_role("searchbox").fill("nowhere")
    await expect(ann.handle("room-list")).to_contain_text("No board has “nowhere” in its name.")


async def test_a_server_that_is_away_is_told_of_in_words_and_asked_again(visit: Visit, server: Server) -> None:
    await make(server, "Plans")
    ann = await visit()
    await expect(boards(ann)).to_have_count(1)
    await anyio.to_thread.run_sync(server.kill)
    await ann.handle("new-room").click()
    await expect(ann.page.get_by_role("alert")).to_contain_text("The server cannot be reached. Is it running?")
    await ann.screenshot("rooms-away")
    await anyio.to_thread.run_sync(server.start)
    await ann.page.get_by_role("button", name="Try again").click()
    await expect(ann.page.get_by_role("alert")).to_have_count(0)
    await expect(boards(ann)).to_have_count(1)


async def test_the_list_fits_a_phone_in_the_dark(visit: Visit, server: Server) -> None:
    await make(server, "Plans", "A very long name of a board that does not fit on one line of a phone")
    ann = await visit(viewport=PHONE, theme="dark")
    await expect(boards(ann)).to_have_count(2)
    assert await ann.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await ann.screenshot("rooms-phone")
