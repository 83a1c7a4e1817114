"""Real Chromium against the real server; two people are two browser contexts (tabs share storage)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, BrowserContext, ViewportSize, async_playwright

from tests.e2e.person import DESK, Person
from tests.support.browser import NoBrowser, find_browser
from tests.support.server import Server

BUNDLE = Path(__file__).parents[2] / "sync" / "static" / "board.html"

Opener = Callable[..., Awaitable[Person]]


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium a module; a context is cheap, a start is not."""
    if not BUNDLE.exists():
        pytest.fail("The client is not built. Run ./dev test, or `npm ci && npm run build` in frontend/.")
    try:
        executable = find_browser()
    except NoBrowser as error:
        pytest.fail(str(error))
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield running
        await running.close()


def assert_strict(policy: str) -> None:
    """A content security policy under which no inline script, foreign script or eval runs."""
    rules = {name: sources for name, *sources in (rule.split() for rule in policy.split(";") if rule.strip())}
    assert rules.get("script-src", rules["default-src"]) == ["'self'"]
    assert rules["object-src"] == rules["base-uri"] == ["'none'"]


@pytest.fixture
async def enter(browser: Browser, server: Server) -> AsyncIterator[Opener]:
    """`await enter()` is a new person on the test's board; `context=` is another tab of one who is here already.

    `url=` is another way to the server. Every page must forbid inline scripts, so that what a test shows to run nothing
    also runs nothing for people."""
    people: list[Person] = []
    contexts: list[BrowserContext] = []

    async def open_board(
        room: str = "team/board",
        *,
        context: BrowserContext | None = None,
        name: str | None = None,
        theme: Literal["light", "dark"] = "light",
        viewport: ViewportSize = DESK,
        has_touch: bool = False,
        offline_page: bool = False,
        url: str | None = None,
        wait: bool = True,
    ) -> Person:
        if context is None:
            context = await browser.new_context(
                viewport=viewport,
                color_scheme=theme,
                has_touch=has_touch,
                reduced_motion="no-preference",
                # A worker of its own for every context of every test would cost more than the tests.
                service_workers="allow" if offline_page else "block",
            )
            contexts.append(context)
            if name is not None:
                me = f'{{"id": "u_{name.lower()}", "name": "{name}"}}'
                await context.add_init_script(f"localStorage.setItem('coplayer:me', '{me}')")
        person = Person(await context.new_page())
        people.append(person)
        answer = await person.page.goto(f"{url or server.url}/r/{room}")
        assert answer is not None
        assert_strict(answer.headers["content-security-policy"])
        if wait:
            await person.saved()
        return person

    yield open_board
    for context in contexts:
        await context.close()
    assert [problem for person in people for problem in person.problems] == []
