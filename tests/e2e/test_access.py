"""Who may do what, as people see it: links with a role, read-only, and what is said when a board is closed for good."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import WebSocketRoute, expect

from sync.auth import Access, Authority, Role
from tests.e2e.conftest import Opener
from tests.e2e.person import PHONE, Person
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

SECRET = "a secret of more than thirty-two bytes for tests"
FAR_S = 4_000_000_000.0  # Unix seconds at which the tokens of these tests run out
SHARED = re.compile(r"/r/team/board\?token=\w")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for tokens, for this module; `enter` opens its boards."""
    with Server(tmp_path_factory.mktemp("guarded"), environ={"COPLAYER_SECRET": SECRET}) as running:
        yield running
    assert "Traceback" not in running.output, running.output


def place(role: Role, user: str) -> str:
    """Room and token of a person with this role."""
    return f"team/board?token={Authority(SECRET).mint(Access(user, None, role, 'team/board'), 0, FAR_S)}"


async def link_of(person: Person, role: str | None) -> str:
    """The link that Share offers, for a role where one can be chosen."""
    await person.handle("share").click()
    field = person.handle("share-link")
    await expect(field).to_have_value(SHARED)
    first = await field.input_value()
    if role is not None and await person.handle(f"share-{role}").get_attribute("aria-pressed") == "false":
        await person.handle(f"share-{role}").click()
        await expect(field).not_to_have_value(first)
        await expect(field).to_have_value(SHARED)
    return await field.input_value()


async def test_share_makes_links_to_edit_and_to_view_and_a_viewer_has_no_tools_and_sees_no_errors(
    enter: Opener, server: Server
) -> None:
    ann = await enter(place("admin", "u_ann"), name="Ann")
    await ann.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shape = await ann.draw("r", (300, 200), (460, 300))
    await ann.write(shape, "Plan")
    to_edit = await link_of(ann, "write")
    await ann.screenshot("share")
    await ann.page.keyboard.press("Escape")
    await expect(ann.handle("share-form")).to_have_count(0)
    to_view = await link_of(ann, "read")
    await ann.handle("share-copy").click()
    await expect(ann.handle("share-copy")).to_have_text("Copied")
    assert await ann.page.evaluate("navigator.clipboard.readText()") == to_view

    ben = await enter(to_edit.partition("/r/")[2], name="Ben")
    await ben.draw("o", (500, 200), (600, 300))
    await expect(ann.shapes()).to_have_count(2)
    assert await link_of(ben, None) == to_edit  # who may not make links passes on their own
    await expect(ben.handle("share-read")).to_have_count(0)

    eve = await enter(to_view.partition("/r/")[2], name="Eve", wait=False)
    await eve.wait_for("read-only")
    await expect(eve.shapes()).to_have_count(2)
    await expect(eve.handle("tool-select")).to_be_visible()
    for tool in ("tool-rect", "tool-draw", "tool-ask", "undo", "style-bar", "empty"):
        await expect(eve.handle(tool)).to_have_count(0)
    await eve.click(shape)
    for key in ("Delete", "r", "ArrowLeft", "Control+d", "Control+g", "Enter", "Control+Shift+l", "/"):
        await eve.page.keyboard.press(key)
    await eve.drag((350, 450), (500, 520))
    await eve.page.mouse.dblclick(700, 500)
    await expect(eve.handle("text-editor")).to_have_count(0)
    await expect(eve.handle("board-name")).to_have_attribute("readonly", "")
    await eve.page.mouse.click(*await eve.middle(shape), button="right")
    await expect(eve.page.get_by_role("menuitem")).to_have_text([re.compile("Copy"), re.compile("Export")])
    await eve.screenshot("read-only")
    await eve.page.keyboard.press("Escape")
    await expect(eve.shapes()).to_have_count(2)
    assert await eve.everything() == await ann.everything()


async def test_a_board_that_is_closed_for_good_says_why_calmly_and_offers_a_copy(enter: Opener) -> None:
    ann = await enter(place("write", "u_ann"))
    before = len(await ann.ids())
    await ann.draw("r", (300, 500), (460, 560))
    await ann.saved()
    code, reason = 4401, "The token has expired; ask for a new link."

    async def close(socket: WebSocketRoute) -> None:
        await socket.close(code=code, reason=reason)

    await ann.page.route_web_socket("**/sync/**", close)
    for code, reason, title in (
        (4401, "The token has expired; ask for a new link.", "This link has ended"),
        (4403, "", "This board is not open to you"),
        (4404, "", "This board was deleted"),
        (4409, "", "Opened elsewhere"),
        (4413, "", "A change was too big"),
        (4422, "", "The server refused a change"),
        (4499, "", "The server closed this board"),
    ):
        await ann.page.reload()
        await expect(ann.handle("closed")).to_have_attribute("data-code", str(code))
        await expect(ann.page.get_by_role("heading", level=2, name=title)).to_be_visible()
        if reason:
            await expect(ann.handle("closed")).to_contain_text(reason)
            await ann.screenshot("closed")
    async with ann.page.expect_download() as download:
        await ann.handle("closed-copy").click()
    assert (await download.value).suggested_filename == "Untitled board.json"
    await ann.handle("closed-look").click()
    await expect(ann.handle("closed")).to_have_count(0)
    await expect(ann.shapes()).to_have_count(before + 1)
    await expect(ann.handle("tool-rect")).to_have_count(0)


async def test_a_person_chooses_name_and_colour_and_everybody_sees_them(enter: Opener) -> None:
    ann, ben = await enter(place("write", "u_ann")), await enter(place("write", "u_ben"), viewport=PHONE)
    await ann.handle("me").click()
    await ann.screenshot("me")
    await ann.page.keyboard.type("Ann Lee")
    await ann.handle("my-colour-3").click()
    await ann.page.get_by_role("button", name="Save").click()
    face = ben.handle("avatars").get_by_role("button", name=re.compile("^Ann Lee"))
    await expect(face.locator(".avatar")).to_have_css("background-color", "rgb(190, 24, 93)")
    await ann.page.reload()
    await expect(ann.handle("me")).to_have_attribute("aria-label", re.compile("Ann Lee"))
    await expect(ann.handle("me").locator(".avatar")).to_have_css("background-color", "rgb(190, 24, 93)")
    await ben.handle("me").click()
    await ben.screenshot("me-phone")
    await ben.page.keyboard.press("Escape")

    await face.click()  # and follows her: what she looks at is shown here
    await ann.handle("zoom").click()
    await ann.handle("zoom-200").click()
    await ann.draw("r", (300, 200), (460, 300))
    await expect(ben.shapes().last).to_be_in_viewport()
    await expect(face).to_have_attribute("aria-label", "Ann Lee. Stop following")
    await ben.page.mouse.move(200, 500)
    await ben.page.mouse.wheel(0, 300)  # looking elsewhere ends it
    await expect(face).to_have_attribute("aria-label", "Ann Lee. Follow Ann Lee")
