"""Frame times of the board in a real Chromium, beside Excalidraw and tldraw drawing the same boxes.

`python benchmarks/frames.py [--seconds 2] [--only pan] [--no-peers]` prints one row a scenario: the frames' p50, p95
and p99 in milliseconds, the share of frames within 16.7 ms, what the page's main thread worked for each of them (CPU
time, which a busy machine changes least), the longest task, and for first paint the time and the CPU time. The browser
is headless and, on a machine without a GPU, draws in software: compare the boards, not the milliseconds. Needs the test
extra, the built client and, for the peers, node and npm (they are installed and built in the user's cache folder).
"""

from __future__ import annotations

import argparse
import functools
import gzip
import hashlib
import http.server
import math
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from playwright.async_api import Browser, Page, ViewportSize, async_playwright
from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.keys import keys_between
from sync.provider import connect
from tests.support.browser import find_browser
from tests.support.server import Server

BOARDS = Path(__file__).parent / "boards"
STATIC = Path(__file__).resolve().parent.parent / "sync" / "static"
SIZE: ViewportSize = {"width": 1360, "height": 800}
MIDDLE = (560, 400)
FRAME_MS = 16.7
REMOTE_PER_FRAME = 50
PAINT_LIMIT_MS = 120_000

RECORD = """() => {
  const deltas = [], tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)));
  observer.observe({ entryTypes: ['longtask'] });
  let last = null, isOn = true;
  const tick = (now) => {
    if (last !== null) deltas.push(now - last);
    last = now;
    if (isOn) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  window.stopRecording = () => { isOn = false; observer.disconnect(); return { deltas, tasks }; };
}"""
OURS_READY = """([count]) => new Promise((resolve) => {
  const look = () => {
    if (document.querySelectorAll('[data-shape-id]').length < count) return requestAnimationFrame(look);
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
  };
  look();
})"""
OTHERS_READY = """() => new Promise((resolve) => {
  const look = () => (window.ready ? resolve(window.ready) : requestAnimationFrame(look));
  look();
})"""


@dataclass(frozen=True)
class Frames:
    """What was seen while a gesture went on."""

    deltas: Sequence[float]
    tasks: Sequence[float]
    cpu_ms: float

    def percentile(self, share: float) -> float:
        """Of the frame times, ms."""
        ordered = sorted(self.deltas)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]

    @property
    def in_time(self) -> float:
        """Share of the time that passed in frames of at most 16.7 ms (rounded up to the clock's 0.1 ms)."""
        return sum(1 for delta in self.deltas if delta <= FRAME_MS + 0.2) / len(self.deltas)

    def row(self) -> str:
        """For the table."""
        p50, p95, p99 = (self.percentile(share) for share in (0.5, 0.95, 0.99))
        longest = max(self.tasks, default=0)
        cpu = self.cpu_ms / len(self.deltas)
        return f"{p50:7.1f} {p95:7.1f} {p99:7.1f} {self.in_time:8.0%} {cpu:7.1f} {len(self.tasks):6} {longest:9.0f}"


@dataclass(frozen=True)
class Painted:
    """When all shapes in view were on the screen, and what the main thread had worked by then, ms."""

    ms: float
    cpu_ms: float


Gesture = Callable[[Page, float], Awaitable[None]]


async def pan(page: Page, seconds: float) -> None:
    """The wheel, one notch a frame, there and back."""
    await _wheel(page, seconds, lambda step: (12 if step // 20 % 2 else -12, 24 if step // 40 % 2 else -24))


async def zoom(page: Page, seconds: float) -> None:
    """Ctrl and the wheel, in and out."""
    await page.keyboard.down("Control")
    await _wheel(page, seconds, lambda step: (0, 8 if step // 30 % 2 else -8))
    await page.keyboard.up("Control")


async def _wheel(page: Page, seconds: float, at: Callable[[int], tuple[int, int]]) -> None:
    await page.mouse.move(*MIDDLE)
    step = 0
    with anyio.move_on_after(seconds):
        while True:
            await page.mouse.wheel(*at(step))
            step += 1


async def drag(page: Page, seconds: float) -> None:
    """One shape in circles: the one under the middle of the screen."""
    await page.mouse.click(*MIDDLE)
    await page.mouse.down()
    step = 0
    with anyio.move_on_after(seconds):
        while True:
            angle = step / 12
            await page.mouse.move(MIDDLE[0] + 80 * math.sin(angle), MIDDLE[1] + 80 - 80 * math.cos(angle))
            step += 1
    await page.mouse.up()


async def drag_all(page: Page, seconds: float) -> None:
    """Everything at once."""
    await page.keyboard.press("Control+a")
    await drag(page, seconds)


async def measure(page: Page, gesture: Gesture, seconds: float) -> Frames:
    """The frames of one gesture."""
    async with cpu_of(page) as cpu_ms:
        before = await cpu_ms()
        await page.evaluate(RECORD)
        await gesture(page, seconds)
        found = await page.evaluate("() => window.stopRecording()")
        return Frames(found["deltas"], found["tasks"], await cpu_ms() - before)


@asynccontextmanager
async def cpu_of(page: Page) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """How long the page's main thread has worked, in ms of CPU time."""
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})

    async def cpu_ms() -> float:
        rows = (await session.send("Performance.getMetrics"))["metrics"]
        return float(next(row["value"] for row in rows if row["name"] == "TaskDuration")) * 1000

    yield cpu_ms
    await session.detach()


# ---- our board


def board(count: int, columns: int) -> Doc[Any]:
    """Labelled boxes in rows."""
    doc: Doc[Any] = Doc()
    shapes: YMap[Any] = doc.get("shapes", type=YMap)
    keys = keys_between(None, None, count)
    look = {"type": "rect", "w": 100, "h": 60, "fill": "blue", "stroke": "blue"}
    with doc.transaction():
        for i in range(count):
            place = {"x": (i % columns) * 130, "y": (i // columns) * 90, "z": keys[i]}
            shapes[f"s{i}"] = YMap({**look, **place, "text": f"Task {i}"})
    return doc


@asynccontextmanager
async def ours(
    browser: Browser, server: Server, count: int, columns: int
) -> AsyncIterator[tuple[Page, Painted, Doc[Any]]]:
    """Our board with that many boxes: its page, its first paint, and a peer's document."""
    room, doc = f"frames-{count}-{columns}", board(count, columns)
    async with connect(f"{server.sync_url}/{room}?coplayer=1", doc) as peer:
        await peer.wait_synced()
        await peer.saved()
        context = await browser.new_context(viewport=SIZE)
        page = await context.new_page()
        page.set_default_timeout(PAINT_LIMIT_MS)
        in_view = count if columns <= 200 else 100
        async with cpu_of(page) as cpu_ms:
            await page.goto(f"{server.url}/r/{room}")
            painted = Painted(await page.evaluate(OURS_READY, [in_view]), await cpu_ms())
        yield page, painted, doc
        await context.close()


def remote(doc: Doc[Any]) -> Gesture:
    """Somebody else moves 50 shapes in each frame."""

    async def move(page: Page, seconds: float) -> None:
        del page
        shapes: YMap[Any] = doc.get("shapes", type=YMap)
        ids, step = list(shapes.keys()), 0
        with anyio.move_on_after(seconds):
            while True:
                for n in range(REMOTE_PER_FRAME):
                    shape = shapes[ids[(step * REMOTE_PER_FRAME + n) % len(ids)]]
                    shape["x"] = float(shape["x"]) + (1 if step % 2 else -1)
                step += 1
                await anyio.sleep(1 / 60)

    return move


# ---- the others


def build_others() -> Path:
    """The page of each other board, built in the cache folder. Raises CalledProcessError."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(BOARDS.iterdir()) if path.is_file()))
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "coplayer-benchmarks"
    home = cache / f"boards-{digest.hexdigest()[:12]}"
    if not (home / "dist" / "tldraw.html").is_file():
        home.mkdir(parents=True, exist_ok=True)
        for path in BOARDS.iterdir():
            if path.is_file():
                shutil.copy(path, home)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=home, check=True)
        subprocess.run(["npx", "vite", "build", "--logLevel", "error"], cwd=home, check=True)
    return home / "dist"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the table is the output."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a static server for a folder."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@asynccontextmanager
async def theirs(
    browser: Browser, url: str, name: str, count: int, columns: int
) -> AsyncIterator[tuple[Page, Painted]]:
    """Another board with that many boxes: its page, and its first paint."""
    context = await browser.new_context(viewport=SIZE)
    page = await context.new_page()
    page.set_default_timeout(PAINT_LIMIT_MS)
    async with cpu_of(page) as cpu_ms:
        await page.goto(f"{url}/{name}.html?shapes={count}&columns={columns}")
        painted = Painted(await page.evaluate(OTHERS_READY), await cpu_ms())
    yield page, painted
    await context.close()


def initial_js_kb(html: Path) -> float:
    """KB after gzip of the scripts that a page names: its own and what it preloads."""
    names = re.findall(r'(?:src|href)="[./]*([^"]+\.js)"', html.read_text())
    return sum(len(gzip.compress((html.parent / name).read_bytes(), 9)) for name in names) / 1000


# ---- the table

SCENARIOS: tuple[tuple[int, int, str], ...] = (
    (1000, 40, "pan zoom drag drag-all remote"),
    (5000, 80, "pan zoom drag"),
    (10_000, 400, "pan zoom"),
)
"""Shapes, columns (80 fit into the view, 400 are spread far beyond it), gestures."""
GESTURES: dict[str, Gesture] = {"pan": pan, "zoom": zoom, "drag": drag, "drag-all": drag_all}


async def run(seconds: float, only: str | None, with_peers: bool) -> None:
    """Print the table."""
    print(f"{'board':12} {'shapes':>6} {'gesture':9} {'p50':>7} {'p95':>7} {'p99':>7} {'in time':>8}", end="")
    print(f" {'cpu':>7} {'tasks':>6} {'longest':>9}")
    others = build_others() if with_peers else None
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
            for count, columns, names in SCENARIOS:
                async with ours(browser, server, count, columns) as (page, painted, doc):
                    paint_row("coplayer", count, painted)
                    for name in wanted(names, only):
                        frames = await measure(page, GESTURES.get(name) or remote(doc), seconds)
                        print(f"{'coplayer':12} {count:6} {name:9} {frames.row()}", flush=True)
        if others:
            with served(others) as url:
                for board_name in ("excalidraw", "tldraw"):
                    await run_other(browser, url, board_name, seconds, only)
        await browser.close()
    print("\ninitial JS after gzip, KB: coplayer", round(initial_js_kb(STATIC / "board.html")), end="")
    for board_name in ("excalidraw", "tldraw") if others else ():
        assert others is not None
        print(f" · {board_name} {initial_js_kb(others / f'{board_name}.html'):.0f}", end="")
    print()


async def run_other(browser: Browser, url: str, board_name: str, seconds: float, only: str | None) -> None:
    """Print the rows of one other board."""
    for count, columns, names in SCENARIOS:
        async with theirs(browser, url, board_name, count, columns) as (page, painted):
            paint_row(board_name, count, painted)
            for name in wanted(names, only):
                if name in GESTURES:
                    frames = await measure(page, GESTURES[name], seconds)
                    print(f"{board_name:12} {count:6} {name:9} {frames.row()}", flush=True)


def wanted(names: str, only: str | None) -> list[str]:
    """The gestures to measure."""
    return [name for name in names.split() if only in (None, name)]


def paint_row(board_name: str, count: int, painted: Painted) -> None:
    """How long the first paint took."""
    print(f"{board_name:12} {count:6} {'paint':9} {painted.ms:7.0f} {'':24} {painted.cpu_ms:7.0f}", flush=True)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each gesture goes on")
    parser.add_argument("--only", choices=[*GESTURES, "remote"], help="one gesture")
    parser.add_argument("--no-peers", action="store_true", help="our board alone")
    arguments = parser.parse_args()
    anyio.run(run, arguments.seconds, arguments.only, not arguments.no_peers)


if __name__ == "__main__":
    main()
