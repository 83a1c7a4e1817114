"""A person at a board: a page in a browser context of its own, driven by the handles of docs and board.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page, ViewportSize, expect

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
WAIT_MS = 30_000  # a busy machine takes seconds where a quiet one takes a tenth; what fails waits so long once
expect.set_options(timeout=WAIT_MS)
# What the browser itself prints while a server is away; everything else on the console is a fault of ours.
NETWORK_GONE = re.compile(
    r"WebSocket connection to|ERR_CONNECTION_(REFUSED|RESET|CLOSED)|ERR_INTERNET_DISCONNECTED"
    r"|ERR_EMPTY_RESPONSE|ERR_CONTENT_LENGTH_MISMATCH"  # killed while it sends a file
)
DESK: ViewportSize = {"width": 1360, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}


@dataclass
class Person:
    """One page. `problems` are page errors and console errors; the fixture fails the test when there are any."""

    page: Page
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        self.page.on("console", lambda message: self._heard(message.type, message.text))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and not NETWORK_GONE.search(text):
            self.problems.append(f"console: {text}")

    # ---- looking

    def handle(self, testid: str) -> Locator:
        """The control with this data-testid."""
        return self.page.get_by_test_id(testid)

    def shapes(self, kind: str | None = None) -> Locator:
        """Every shape's node, or those of one type."""
        return self.page.locator("[data-shape-id]" if kind is None else f'[data-shape-id][data-type="{kind}"]')

    def shape(self, shape: str) -> Locator:
        """The node of one shape."""
        return self.page.locator(f'[data-shape-id="{shape}"]')

    async def ids(self) -> list[str]:
        """Ids of the shapes on the board, lowest first."""
        found: list[str] = await self.page.eval_on_selector_all(
            "[data-shape-id]", "nodes => nodes.map(n => n.dataset.shapeId)"
        )
        return found

    async def written(self, shape: str) -> dict[str, float]:
        """x, y, w, h as they stand in the document."""
        found: dict[str, str] = await self.shape(shape).evaluate("n => ({...n.dataset})")
        return {key: float(found[key]) for key in ("x", "y", "w", "h")}

    async def everything(self) -> list[dict[str, Any]]:
        """What this person sees of the document, comparable between people."""
        found: list[dict[str, Any]] = await self.page.eval_on_selector_all(
            "[data-shape-id]", "nodes => nodes.map(n => ({...n.dataset, text: n.textContent}))"
        )
        return found

    async def middle(self, shape: str) -> tuple[float, float]:
        """Where on the screen a shape's middle is."""
        box = await self.shape(shape).locator(".body").bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    async def wait_for(self, state: str, pending: int | None = None) -> None:
        """Until the chip says so."""
        await expect(self.handle("status")).to_have_attribute("data-state", state, timeout=WAIT_MS)
        if pending is not None:
            await expect(self.handle("status")).to_have_attribute("data-pending", str(pending), timeout=WAIT_MS)

    async def saved(self) -> None:
        """Until everything is confirmed by the server."""
        await self.wait_for("saved", pending=0)

    async def screenshot(self, name: str) -> None:
        """Kept as an artifact of the run, for people to look at."""
        ARTIFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTIFACTS / f"{name}.png", animations="disabled")

    # ---- doing

    async def drag(self, start: tuple[float, float], end: tuple[float, float], *, release: bool = True) -> None:
        """Press, move in steps, and let go unless told otherwise."""
        mouse = self.page.mouse
        await mouse.move(*start)
        await mouse.down()
        for step in (0.25, 0.5, 0.75, 1.0):
            await mouse.move(start[0] + (end[0] - start[0]) * step, start[1] + (end[1] - start[1]) * step)
        if release:
            await mouse.up()

    async def draw(self, key: str, start: tuple[float, float], end: tuple[float, float]) -> str:
        """Draw with the tool of a key; the new shape's id."""
        before = set(await self.ids())
        await self.page.keyboard.press(key)
        await self.drag(start, end)
        await expect(self.shapes()).to_have_count(len(before) + 1)
        return next(shape for shape in await self.ids() if shape not in before)

    async def click(self, shape: str) -> None:
        """Select a shape."""
        await self.page.mouse.click(*await self.middle(shape))

    async def recolour(self, colour: str) -> None:
        """The selection, through the bar under it."""
        await self.handle("style-colour").click()
        await self.handle(f"colour-{colour}").click()

    async def write(self, shape: str, text: str) -> None:
        """Replace a shape's words and finish with Enter."""
        await self.page.mouse.dblclick(*await self.middle(shape))
        await expect(self.handle("text-editor")).to_be_focused()
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)
        await self.page.keyboard.press("Enter")
        await expect(self.handle("text-editor")).to_have_count(0)
