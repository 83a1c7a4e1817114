"""The page itself without a server: the service worker keeps the app's shell, and nothing that people made."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import anyio
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import BUNDLE, Opener
from tests.e2e.person import Person
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

KEPT = """async () => {
    const found = [];
    for (const name of await caches.keys())
        for (const { url } of await (await caches.open(name)).keys()) found.push(new URL(url).pathname);
    return found;
}"""
SHELL = re.compile(r"^/(assets/[\w.-]+|index\.html|board\.html)$")


async def script_of(person: Person) -> str:
    """The page's own script, whose name holds a hash."""
    source = await person.page.locator("script[type=module]").get_attribute("src")
    assert source is not None
    return source.removeprefix("/")


async def installed(page: Page) -> None:
    """Until the worker serves this page."""
    await page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    await page.wait_for_function("navigator.serviceWorker.controller?.state === 'activated'")


async def test_s14_a_board_opens_without_a_server_and_sends_what_was_drawn_there_later(
    enter: Opener, server: Server
) -> None:
    ann = await enter(offline_page=True)
    first = await ann.draw("r", (250, 150), (350, 250))
    await ann.write(first, "Before")
    await ann.page.keyboard.press("Escape")
    await ann.saved()
    await installed(ann.page)

    for path, kept in (("sw.js", "no-cache"), ("assets/theme.js", "no-cache"), (await script_of(ann), "immutable")):
        answer = await ann.page.request.get(f"{server.url}/{path}")
        assert kept in answer.headers["cache-control"], path

    await anyio.to_thread.run_sync(server.kill)
    await ann.page.reload()
    await expect(ann.shape(first)).to_contain_text("Before")
    await ann.wait_for("offline")
    await expect(ann.handle("assistant-input")).to_be_visible()  # parts that load later are there, too
    second = await ann.draw("o", (500, 150), (600, 250))
    await ann.wait_for("offline", pending=1)
    await ann.screenshot("offline-page")
    await ann.page.goto(f"{server.url}/")
    await expect(ann.page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    await ann.page.go_back()
    await expect(ann.shapes()).to_have_count(2)
    assert [path for path in await ann.page.evaluate(KEPT) if not SHELL.match(path)] == []

    await anyio.to_thread.run_sync(server.start)
    await ann.saved()
    ben = await enter()
    await expect(ben.shape(second)).to_be_visible()
    await expect(ben.shape(first)).to_be_visible()


# ---- a new build


TAKEN_OVER = """navigator.serviceWorker.getRegistration().then((found) => found.update()).then(
    ({waiting, installing, active}) => !waiting && !installing && active.state === 'activated'
)"""


class Files(SimpleHTTPRequestHandler):
    """Nothing is kept by date: two builds may be of the same second."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


class Site:
    """A folder behind HTTP: builds that each show their name, under the real worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "assets").mkdir()
        handler = partial(Files, directory=str(folder))
        self._http: ThreadingHTTPServer | None = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/"
        self._thread = Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def deploy(self, name: str) -> None:
        """Replace what is served by the build of this name (8 letters)."""
        for old in (self._folder / "assets").iterdir():
            old.unlink()
        main, later = f"assets/main-{name}.js", f"assets/later-{name}.js"
        (self._folder / main).write_text(f"document.body.dataset.main = '{name}'\n")
        (self._folder / later).write_text(f"export default '{name}'\n")
        start = "navigator.serviceWorker.register('/sw.js', {updateViaCache: 'none'})"
        page = f"<body data-page='{name}'><script>{start}</script><script type='module' src='/{main}'></script></body>"
        (self._folder / "index.html").write_text(page)
        files = {"/index.html": None, f"/{main}": None, f"/{later}": None}
        shell = json.dumps({"version": name, "files": files})
        worker = (BUNDLE.parent / "sw.js").read_text()
        built, count = re.subn(r'\{"version":"\w+","files":\{[^}]*\}\}', lambda _: shell, worker)
        assert count, "the build no longer puts its list of files into the worker like this"
        (self._folder / "sw.js").write_text(built)

    def close(self) -> None:
        """As if the server were gone. Once more does nothing."""
        http, self._http = self._http, None
        if http is not None:
            http.shutdown()
            http.server_close()
            self._thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
async def browsing(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context()
    yield context
    await context.close()


async def shows(page: Page, build: str) -> None:
    """The page and its script are of this build."""
    await expect(page.locator("body")).to_have_attribute("data-page", build)
    await expect(page.locator("body")).to_have_attribute("data-main", build)


async def opens(page: Page, url: str, build: str) -> None:
    """Where the server takes seconds to answer, as on a busy machine, the page that is kept is shown: then again."""
    with anyio.fail_after(60):
        await page.goto(url)
        while await page.locator("body").get_attribute("data-page") != build:
            await page.goto(url)
    await shows(page, build)


async def test_s14_a_new_build_comes_whole_and_an_open_page_keeps_the_parts_of_its_own(
    browsing: BrowserContext, site: Site
) -> None:
    await anyio.to_thread.run_sync(site.deploy, "build001")
    old = await browsing.new_page()
    await old.goto(site.url)
    await shows(old, "build001")
    await installed(old)

    await anyio.to_thread.run_sync(site.deploy, "build002")
    new = await browsing.new_page()
    await opens(new, site.url, "build002")
    await new.wait_for_function("caches.has('coplayer-shell-build002')")
    # the update looks for a newer one until the newest is at work; what a worker cannot install it tries again then
    await new.wait_for_function(TAKEN_OVER, polling=500)
    assert await old.evaluate("import('/assets/later-build001.js').then((part) => part.default)") == "build001"

    await anyio.to_thread.run_sync(site.close)
    for page in (old, new):
        await page.reload()
        await shows(page, "build002")
    assert await new.evaluate("import('/assets/later-build002.js').then((part) => part.default)") == "build002"
