"""The board without a pointer and without eyes: axe-core finds nothing serious, the keyboard reaches everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Opener
from tests.e2e.person import PHONE, Person
from tests.support.program import Program, clean_environ
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RUN_MS = 45_000  # as in the tests of the panel


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for this module; each test has a board of its own."""
    with Server(tmp_path_factory.mktemp("accessible")) as running:
        yield running
    assert "Traceback" not in running.output, running.output


async def serious(person: Person, state: str) -> list[str]:
    """What axe-core finds that keeps people out, in this state of the page."""
    if not await person.page.evaluate("'axe' in window"):
        await person.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = await person.page.evaluate(
        "() => axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)"
    )
    return [
        f"{state}: {each['id']}: {node['html'][:160]} {node.get('failureSummary', '')}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


async def furnish(person: Person) -> str:
    """Shapes of several kinds with words, one of them selected."""
    for key, x, colour in (("r", 200, "blue"), ("o", 420, "yellow"), ("d", 640, "red")):
        await person.draw(key, (x, 220), (x + 150, 300))
        await person.recolour(colour)
    shape = await person.draw("n", (200, 400), (350, 500))
    await expect(person.handle("text-editor")).to_be_focused()
    await person.page.keyboard.type("Read me")
    await person.page.keyboard.press("Enter")
    return shape


async def test_axe_finds_nothing_serious_in_light_dark_and_on_a_phone(enter: Opener) -> None:
    ann = await enter("axe", name="Ann")
    found = await serious(ann, "empty")
    await furnish(ann)
    await ann.handle("style-colour").click()
    await expect(ann.handle("opacity")).to_be_visible()
    found += await serious(ann, "colours")
    await ann.screenshot("colours")
    await ann.handle("style-line").or_(ann.handle("style-text")).first.click()
    found += await serious(ann, "words")
    for opener, opened in (
        ("style-more", "shape-menu"),
        ("share", "share-form"),
        ("me", "me-form"),
        ("zoom", "zoom-menu"),
    ):
        await ann.handle(opener).click()
        await expect(ann.handle(opened)).to_be_visible()
        found += await serious(ann, opened)
        await ann.page.keyboard.press("Escape")
        await expect(ann.handle(opened)).to_have_count(0)
    await ann.page.keyboard.press("?")
    await expect(ann.handle("help")).to_be_visible()
    found += await serious(ann, "help")
    await ann.screenshot("help")
    await ann.page.keyboard.press("Escape")

    dark = await enter("axe", name="Ben", theme="dark")
    await dark.click((await dark.ids())[0])
    await dark.handle("style-more").click()
    await expect(dark.handle("shape-menu")).to_be_visible()
    found += await serious(dark, "dark")
    await dark.screenshot("dark-menu")

    phone = await enter("axe", name="Eve", theme="dark", viewport=PHONE, has_touch=True)
    await expect(phone.shapes().first).to_be_in_viewport()
    found += await serious(phone, "phone")
    await phone.handle("tool-ask").click()
    await expect(phone.handle("assistant-panel")).to_be_in_viewport()
    found += await serious(phone, "phone with panel")
    assert found == []

    moving = "() => [...document.querySelectorAll('*')].flatMap((n) => { const s = getComputedStyle(n);"
    moving += (
        " return (s.animationName + s.animationDuration + s.transitionDuration).match(/[1-9]/) ? [n.className] : [] })"
    )
    assert await phone.page.evaluate(moving) != []
    await phone.page.emulate_media(reduced_motion="reduce")
    assert await phone.page.evaluate(moving) == []


async def test_from_opening_the_page_to_a_connected_drawing_and_an_asked_assistant_without_a_pointer(
    enter: Opener, server: Server
) -> None:
    environ = clean_environ(COPLAYER_DEMO_PACE="0", COPLAYER_CALL_PAUSE="0.05")
    assistant = Program(["-m", "agent", "agent", "--server", server.url], environ)
    try:
        ann = await enter("keys", name="Ann")
        keys = ann.page.keyboard
        spoken = ann.page.locator(".sr-only[aria-live]")
        await ann.page.evaluate(
            """() => { const region = document.querySelector('.sr-only[aria-live]'); window.heard = [];
                 new MutationObserver(() => window.heard.push(region.textContent))
                   .observe(region, { childList: true, characterData: true, subtree: true }); }"""
        )
        await keys.press("Tab")
        await expect(ann.page.get_by_role("button", name="Go to the tools")).to_be_focused()
        await keys.press("Enter")
        await expect(ann.handle("tool-select")).to_be_focused()
        for _ in range(2):
            await keys.press("Tab")
        await expect(ann.handle("tool-rect")).to_be_focused()
        await keys.press("Enter")  # the first with the toolbar's button, the second with its key

        for words in ("Idea", "Ship"):
            if words == "Ship":
                await keys.press("r")
            await expect(spoken).to_have_text("Rectangle: press Enter to draw it in the middle of the view.")
            await keys.press("Enter")
            await expect(spoken).to_have_text("Rectangle added. Press Enter to write in it.")
            await keys.press("Enter")
            await expect(ann.handle("text-editor")).to_be_focused()
            await keys.type(words)
            await keys.press("Enter")
            await expect(ann.page.get_by_role("img", name=f"Rectangle: {words}")).to_be_focused()
        idea, ship = await ann.ids()
        boxes = [await ann.written(shape) for shape in (idea, ship)]
        assert boxes[0]["x"] + boxes[0]["w"] < boxes[1]["x"]  # beside the first, not on it

        await keys.press("Shift+Tab")
        await expect(ann.shape(idea)).to_be_focused()
        await keys.press("a")
        await keys.press("Tab")
        await expect(ann.shape(ship)).to_be_focused()
        await keys.press("Enter")
        await expect(ann.shapes("connector")).to_have_count(1)
        await expect(spoken).to_have_text("Connected Idea to Ship.")
        await expect(ann.shapes("connector")).to_be_focused()
        await keys.press("Escape")
        await ann.screenshot("keyboard")

        await keys.press("/")
        await expect(ann.handle("assistant-input")).to_be_focused()
        await keys.type("Draw three red circles in a row")
        await keys.press("Enter")
        await expect(ann.handle("run-card")).to_have_attribute("data-status", "completed", timeout=RUN_MS)
        await expect(ann.shapes("ellipse")).to_have_count(3)
        await expect(spoken).to_have_text(re.compile("Assistant: "))
        heard: list[str] = await ann.page.evaluate("window.heard")
        steps = [text.split("\n")[0] for text in await ann.handle("run-step").all_inner_texts()]
        assert steps
        assert [step for step in steps if step not in heard] == [], heard
    finally:
        assistant.stop()
    assert "Traceback" not in assistant.output, assistant.output
