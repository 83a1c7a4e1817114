"""The board in a real browser: what one person does, the other sees, and nothing is lost when the server dies."""

from __future__ import annotations

import re

import anyio
import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.e2e.conftest import Opener
from tests.e2e.person import PHONE, Person
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


async def kill(server: Server) -> None:
    await anyio.to_thread.run_sync(server.kill)


async def start(server: Server) -> None:
    await anyio.to_thread.run_sync(server.start)


async def converged(*people: Person) -> None:
    """Until everybody sees the same shapes with the same fields, in the same order."""
    with anyio.fail_after(10):
        while True:
            seen = [await person.everything() for person in people]
            if all(other == seen[0] for other in seen[1:]):
                return
            await anyio.sleep(0.02)


# ---- drawing


BY_DRAGGING = [("r", "rect"), ("o", "ellipse"), ("d", "diamond"), ("p", "draw"), ("f", "frame"), ("a", "connector")]
TOOLS = ("hand", "rect", "ellipse", "diamond", "triangle", "connector", "draw", "text", "note", "frame", "select")


@pytest.mark.parametrize(("key", "kind"), BY_DRAGGING)
async def test_each_tool_draws_its_shape_and_the_other_person_sees_it(enter: Opener, key: str, kind: str) -> None:
    ann, ben = await enter(), await enter()
    shape = await ann.draw(key, (300, 200), (460, 300))
    await expect(ann.shape(shape)).to_have_attribute("data-type", kind)
    await expect(ben.shape(shape)).to_have_attribute("data-type", kind)
    await ann.saved()
    await converged(ann, ben)
    if kind not in ("connector", "draw"):
        drawn = await ben.written(shape)
        assert (drawn["w"], drawn["h"]) == (160, 100)


@pytest.mark.parametrize(("key", "kind"), [("n", "note"), ("t", "text")])
async def test_a_click_makes_a_note_or_a_text_ready_to_type_in(enter: Opener, key: str, kind: str) -> None:
    ann, ben = await enter(), await enter()
    await ann.page.keyboard.press(key)
    await ann.page.mouse.click(400, 300)
    await expect(ann.handle("text-editor")).to_be_focused()
    await ann.page.keyboard.type("Hello <b>there</b>")
    await ann.page.keyboard.press("Enter")
    await expect(ben.shapes(kind)).to_have_attribute("aria-label", f"{kind.capitalize()}: Hello <b>there</b>")


async def test_the_toolbar_picks_the_same_tools_as_the_keys(enter: Opener) -> None:
    ann = await enter()
    for tool in (
        "hand",
        "rect",
        "ellipse",
        "diamond",
        "triangle",
        "connector",
        "draw",
        "text",
        "note",
        "frame",
        "select",
    ):
        await ann.handle(f"tool-{tool}").click()
        await expect(ann.handle(f"tool-{tool}")).to_have_attribute("aria-pressed", "true")


async def test_a_connector_follows_the_shape_it_is_bound_to(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    left = await ann.draw("r", (200, 200), (300, 260))
    right = await ann.draw("r", (500, 200), (600, 260))
    link = await ann.draw("a", await ann.middle(left), await ann.middle(right))
    before = await ben.shape(link).locator(".body").bounding_box()
    await ann.page.keyboard.press("Escape")
    await ann.drag(await ann.middle(right), (550, 500))
    await converged(ann, ben)
    after = await ben.shape(link).locator(".body").bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"] + 150


# ---- editing


async def test_a_shape_is_resized_turned_nudged_duplicated_and_deleted(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    shape = await ann.draw("r", (300, 200), (400, 300))
    corner = await ann.page.locator('[data-handle="se"]').bounding_box()
    assert corner is not None
    at = (corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    await ann.drag(at, (at[0] + 60, at[1] + 20))
    assert await ann.written(shape) | {"x": 0, "y": 0} == {"x": 0, "y": 0, "w": 160, "h": 120}
    before = await ann.written(shape)
    await ann.page.keyboard.press("ArrowRight")
    await ann.page.keyboard.press("Shift+ArrowDown")
    assert await ann.written(shape) == {**before, "x": before["x"] + 1, "y": before["y"] + 10}
    knob = await ann.page.locator('[data-handle="rotate"]').bounding_box()
    assert knob is not None
    await ann.drag((knob["x"] + 14, knob["y"] + 14), (knob["x"] + 200, knob["y"] + 80))
    await expect(ann.shape(shape)).to_have_attribute("transform", re.compile("rotate"))
    await ann.page.keyboard.press("Control+d")
    await expect(ben.shapes()).to_have_count(2)
    await ann.page.keyboard.press("Delete")
    await expect(ben.shapes()).to_have_count(1)
    await converged(ann, ben)


async def test_copied_shapes_are_pasted_with_their_connector(enter: Opener) -> None:
    ann = await enter()
    await ann.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    left = await ann.draw("r", (200, 200), (300, 260))
    right = await ann.draw("r", (500, 200), (600, 260))
    await ann.draw("a", await ann.middle(left), await ann.middle(right))
    await ann.page.keyboard.press("Control+a")
    await ann.page.keyboard.press("Control+c")
    await ann.page.keyboard.press("Control+v")
    await expect(ann.shapes()).to_have_count(6)
    await expect(ann.shapes("connector")).to_have_count(2)


async def test_a_lasso_selects_what_it_touches_and_brackets_change_the_order(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    low = await ann.draw("r", (300, 200), (400, 300))
    high = await ann.draw("o", (350, 250), (450, 350))
    assert await ben.ids() == [low, high]
    await ann.page.keyboard.press("Escape")
    await ann.drag((250, 150), (330, 230))
    await ann.page.keyboard.press("]")
    await converged(ann, ben)
    assert await ben.ids() == [high, low]


async def test_a_move_and_a_recolouring_of_one_shape_at_once_both_stay(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    shape = await ann.draw("r", (300, 200), (400, 300))
    await expect(ben.shape(shape)).to_have_count(1)
    before = await ann.written(shape)
    start_at = await ann.middle(shape)
    await ann.drag(start_at, (start_at[0] + 150, start_at[1] + 90), release=False)
    await ben.click(shape)
    await ben.recolour("red")
    await expect(ann.shape(shape)).to_have_attribute("data-fill", "red")
    await ann.page.mouse.up()
    for person in (ann, ben):
        await expect(person.shape(shape)).to_have_attribute("data-x", str(int(before["x"] + 150)))
        await expect(person.shape(shape)).to_have_attribute("data-fill", "red")
    await converged(ann, ben)


async def test_two_people_who_drag_one_shape_end_at_the_same_place(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    shape = await ann.draw("r", (300, 200), (400, 300))
    await expect(ben.shape(shape)).to_have_count(1)
    here, there = await ann.middle(shape), await ben.middle(shape)
    await ann.drag(here, (here[0] + 100, here[1]), release=False)
    await ben.drag(there, (there[0], there[1] + 100), release=False)
    await ann.page.mouse.up()
    await ben.page.mouse.up()
    await ann.saved()
    await ben.saved()
    await converged(ann, ben)
    assert await ann.written(shape) == await ben.written(shape)


async def test_two_people_who_type_in_one_label_keep_both_their_words(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    shape = await ann.draw("r", (300, 200), (560, 320))
    await ann.write(shape, "middle")
    await expect(ben.shape(shape)).to_have_text("middle")
    for person in (ann, ben):
        await person.page.mouse.dblclick(*await person.middle(shape))
        await expect(person.handle("text-editor")).to_be_focused()
    await ann.page.keyboard.press("Home")
    await ann.page.keyboard.type("start ")
    await ben.page.keyboard.press("End")
    await ben.page.keyboard.type(" end")
    await ann.page.keyboard.press("Enter")
    await ben.page.keyboard.press("Enter")
    for person in (ann, ben):
        await expect(person.shape(shape)).to_have_text("start middle end")


async def test_undo_takes_back_ones_own_step_and_not_the_others(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    mine = await ann.draw("r", (250, 200), (350, 300))
    theirs = await ben.draw("o", (500, 200), (600, 300))
    await expect(ann.shapes()).to_have_count(2)
    await ann.handle("undo").click()
    await expect(ben.shape(mine)).to_have_count(0)
    await expect(ben.shape(theirs)).to_have_count(1)
    await expect(ann.handle("undo")).to_be_disabled()
    await ann.page.keyboard.press("Control+Shift+z")
    await expect(ben.shape(mine)).to_have_count(1)


async def test_the_name_of_a_board_is_everybodys(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    await ann.handle("board-name").fill("Sync architecture")
    await ann.handle("board-name").press("Enter")
    await expect(ben.handle("board-name")).to_have_value("Sync architecture")
    await expect(ben.page).to_have_title("Sync architecture · coplayer")


# ---- presence


async def test_cursors_and_avatars_appear_and_vanish(enter: Opener) -> None:
    ann, ben = await enter(name="Ann"), await enter(name="Ben")
    await expect(ann.handle("avatars").locator('[data-kind="human"].avatar')).to_have_count(2)
    await ben.page.mouse.move(500, 300)
    await ben.page.mouse.move(505, 305)
    await expect(ann.page.locator("[data-cursor]")).to_have_text("Ben")
    await ben.page.context.close()
    await expect(ann.page.locator("[data-cursor]")).to_have_count(0)
    await expect(ann.handle("avatars").locator('[data-kind="human"].avatar')).to_have_count(1)


async def test_a_drag_is_seen_while_it_goes_on_and_written_when_it_ends(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    shape = await ann.draw("r", (300, 200), (400, 300))
    await expect(ben.shape(shape)).to_have_count(1)
    written = await ben.written(shape)
    seen = await ben.middle(shape)
    at = await ann.middle(shape)
    await ann.drag(at, (at[0] + 120, at[1]), release=False)
    with anyio.fail_after(5):
        while (await ben.middle(shape))[0] < seen[0] + 119:
            await anyio.sleep(0.01)
    assert await ben.written(shape) == written
    frame, body = await ann.page.locator(".selected").bounding_box(), await ann.shape(shape).bounding_box()
    assert frame is not None
    assert body is not None
    assert abs(frame["x"] + frame["width"] / 2 - body["x"] - body["width"] / 2) < 2
    await ann.page.mouse.up()
    await expect(ben.shape(shape)).to_have_attribute("data-x", str(int(written["x"] + 120)))
    assert abs((await ben.middle(shape))[0] - seen[0] - 120) < 1


async def test_a_line_is_seen_while_it_is_drawn(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    await ann.page.keyboard.press("p")
    await ann.drag((300, 200), (500, 300), release=False)
    await expect(ben.page.locator(".draft-line")).to_have_count(1)
    await expect(ben.shapes()).to_have_count(0)
    await ann.page.mouse.up()
    await expect(ben.shapes("draw")).to_have_count(1)
    await expect(ben.page.locator(".draft-line")).to_have_count(0)


async def test_words_are_seen_while_they_are_typed(enter: Opener) -> None:
    ann, ben = await enter(), await enter()
    shape = await ann.draw("r", (300, 200), (460, 300))
    await expect(ben.shape(shape)).to_have_count(1)
    await ann.page.mouse.dblclick(*await ann.middle(shape))
    await ann.page.keyboard.type("live")
    await expect(ben.shape(shape)).to_have_text("live")


# ---- nothing is lost


async def test_what_both_draw_while_the_server_is_dead_is_there_when_it_is_back(enter: Opener, server: Server) -> None:
    ann, ben = await enter(name="Ann"), await enter(name="Ben")
    shared = await ann.draw("r", (250, 150), (350, 250))
    await expect(ben.shape(shared)).to_have_count(1)
    await ann.saved()
    await kill(server)
    await ann.draw("o", (400, 150), (500, 250))
    await ben.draw("d", (550, 150), (650, 250))
    await ann.click(shared)
    await ann.recolour("green")
    await ben.drag(await ben.middle(shared), (300, 400))
    await ann.wait_for("offline", pending=2)
    await ben.wait_for("offline", pending=2)
    await expect(ann.handle("status")).to_have_text("Offline · 2 changes to send")
    await ann.screenshot("offline")
    await start(server)
    for person in (ann, ben):
        await person.saved()
        await expect(person.shapes()).to_have_count(3)
        await expect(person.shape(shared)).to_have_attribute("data-fill", "green")
    await converged(ann, ben)


async def test_people_see_each_other_again_at_once_after_the_server_was_away(enter: Opener, server: Server) -> None:
    ann, ben = await enter(name="Ann"), await enter(name="Ben")
    faces = ann.handle("avatars").locator('[data-kind="human"].avatar')
    await expect(faces).to_have_count(2)
    await kill(server)
    await expect(faces).to_have_count(1)
    await start(server)
    await ben.saved()
    await expect(faces).to_have_count(2, timeout=5000)


async def test_a_tab_closed_while_the_server_is_dead_keeps_its_edits_for_the_next_visit(
    enter: Opener, server: Server
) -> None:
    ann = await enter()
    first = await ann.draw("r", (250, 150), (350, 250))
    await ann.saved()
    await kill(server)
    second = await ann.draw("o", (400, 150), (500, 250))
    await ann.wait_for("offline", pending=1)
    context = ann.page.context
    await ann.page.close()
    await start(server)
    ben = await enter()
    await expect(ben.shapes()).to_have_count(1)
    again = await enter(context=context)
    await expect(again.shape(second)).to_have_count(1)
    await again.saved()
    await expect(ben.shape(second)).to_have_count(1)
    await expect(ben.shape(first)).to_have_count(1)


async def test_a_stalled_socket_is_not_called_saved(enter: Opener) -> None:
    ann = await enter()
    await ann.page.context.set_offline(True)
    await ann.draw("r", (250, 150), (350, 250))
    await ann.wait_for("offline", pending=1)
    await ann.page.context.set_offline(False)
    await ann.saved()


async def test_a_board_that_was_deleted_says_so_and_keeps_what_it_has(enter: Opener, server: Server) -> None:
    ann = await enter("gone")
    await ann.draw("r", (250, 150), (350, 250))
    await ann.saved()
    answer = await ann.page.request.delete(f"{server.url}/api/rooms/gone")
    assert answer.status == 204
    await ann.wait_for("error")
    await expect(ann.shapes()).to_have_count(1)


async def test_a_board_deleted_and_made_anew_is_empty(enter: Opener, server: Server) -> None:
    ann = await enter("gone")
    await ann.draw("r", (250, 150), (350, 250))
    await ann.saved()
    await ann.page.request.delete(f"{server.url}/api/rooms/gone")
    await ann.wait_for("error")
    ben = await enter("gone")
    await ben.draw("o", (250, 150), (350, 250))
    await ann.page.reload()
    await ann.saved()
    await converged(ann, ben)
    await expect(ann.shapes("rect")).to_have_count(0)


SLOW_DISK = """Object.defineProperty(IDBOpenDBRequest.prototype, 'onsuccess', {
    set(told) { this.addEventListener('success', (event) => setTimeout(told, 2000, event)) }
})"""


async def test_s9_an_old_copy_that_is_read_before_the_server_names_the_room_stays_here(
    enter: Opener, server: Server
) -> None:
    """What the server says is held up until the page shows its copy, with the socket open: slow machines do that."""
    ann = await enter("gone")
    await ann.draw("r", (250, 150), (350, 250))
    await ann.saved()
    await ann.page.request.delete(f"{server.url}/api/rooms/gone")
    await ann.wait_for("error")
    ben = await enter("gone")
    circle = await ben.draw("o", (250, 150), (350, 250))
    await ben.saved()

    held: list[tuple[WebSocketRoute, str | bytes]] = []
    may_pass = False

    def through(page: WebSocketRoute) -> None:
        upstream = page.connect_to_server()
        page.on_message(upstream.send)
        upstream.on_message(lambda message: page.send(message) if may_pass else held.append((page, message)))

    await ann.page.route_web_socket("**/sync/**", through)
    await ann.page.add_init_script(SLOW_DISK)
    await ann.page.reload()
    await expect(ann.shapes("rect")).to_have_count(1)
    assert held, "the socket was to be open before the copy was read"
    may_pass = True
    for page, message in held:
        page.send(message)
    await expect(ann.shapes("ellipse")).to_have_count(1)
    await ann.saved()
    await converged(ann, ben)
    stored = await (await ann.page.request.get(f"{server.url}/api/rooms/gone/doc")).json()
    assert set(stored["shapes"]) == {circle}


# ---- how it looks


async def test_a_phone_has_targets_for_thumbs_and_the_panel_as_a_sheet(enter: Opener) -> None:
    ann = await enter(viewport=PHONE, has_touch=True)
    width = PHONE["width"]
    for tool in ("select", "rect", "note", "ask"):
        box = await ann.handle(f"tool-{tool}").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    await ann.handle("tool-rect").tap()
    await ann.page.touchscreen.tap(195, 400)
    await expect(ann.shapes("rect")).to_have_count(1)
    await ann.saved()
    await ann.screenshot("phone")
    await ann.handle("tool-ask").click()
    await expect(ann.handle("assistant-panel")).to_be_in_viewport()
    await ann.screenshot("phone-panel")


async def test_the_theme_is_the_systems_until_somebody_chooses(enter: Opener) -> None:
    ann = await enter(theme="dark")
    dark = await ann.handle("canvas").evaluate("n => getComputedStyle(n).backgroundColor")
    assert dark == "rgb(19, 19, 22)"
    await ann.page.get_by_role("button", name="Menu").click()
    await ann.handle("theme-light").click()
    await ann.page.reload()
    await ann.saved()
    light = await ann.handle("canvas").evaluate("n => getComputedStyle(n).backgroundColor")
    assert light == "rgb(247, 247, 248)"


async def test_states_to_look_at(enter: Opener) -> None:
    ann = await enter(name="Ann")
    await expect(ann.handle("empty")).to_be_visible()
    await ann.screenshot("empty")
    boxes = {}
    for x, colour, words in (
        (212, "blue", "Browser (Yjs)"),
        (470, "violet", "Sync server"),
        (728, "green", "SQLite log"),
    ):
        boxes[words] = await ann.draw("r", (x, 224), (x + 160, 300))
        await ann.recolour(colour)
        await ann.write(boxes[words], words)
    await ann.page.keyboard.press("Escape")
    for left, right in (("Browser (Yjs)", "Sync server"), ("Sync server", "SQLite log")):
        await ann.draw("a", await ann.middle(boxes[left]), await ann.middle(boxes[right]))
        await ann.page.keyboard.press("Escape")
    ben = await enter(name="Mina Kim")
    await ben.page.mouse.move(700, 420)
    await ben.click(boxes["SQLite log"])
    await ann.page.keyboard.press("n")
    await ann.page.mouse.click(287, 452)
    await ann.page.keyboard.type("Offline edits merge field by field on reconnect")
    await ann.page.keyboard.press("Enter")
    await expect(ann.page.locator("[data-cursor]")).to_have_text("Mina Kim")
    await ann.saved()
    await ann.screenshot("two-people")
    dark = await enter(name="Joe", theme="dark")
    await expect(dark.shapes()).to_have_count(6)
    await dark.screenshot("dark")
