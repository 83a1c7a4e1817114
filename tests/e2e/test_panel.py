"""The assistant panel in a real browser, with the real assistant: the demo model behind the same wire as any other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import anyio
import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import Opener
from tests.e2e.person import PHONE, WAIT_MS, Person
from tests.support.program import Program, clean_environ
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

RUN_MS = 45_000  # a run of the demo assistant takes a second or two; a busy machine may need much longer
QUICK = {"COPLAYER_DEMO_PACE": "0", "COPLAYER_CALL_PAUSE": "0.05"}
SLOW = {"COPLAYER_DEMO_PACE": "0.5", "COPLAYER_CALL_PAUSE": "0.2"}  # half a minute: stopped in the middle for sure
# A model server that is not there, and no second try. Tests stand in the order of what they hire: a change takes time.
BROKEN = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "COPLAYER_MODEL": "none", "COPLAYER_MODEL_TRIES": "1"}


class Staff:
    """The assistant of a server that the whole module shares; starting one takes longer than a run of it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._program: Program | None = None
        self._environ: dict[str, str] = {}

    def hire(self, environ: dict[str, str] = QUICK) -> None:
        """An assistant with this environment is at work, and no other."""
        if self._program is not None and self._environ == environ:
            return
        self.dismiss()
        self._environ = environ
        self._program = Program(["-m", "agent", "agent", "--server", self._server.url], clean_environ(**environ))

    def dismiss(self) -> None:
        """No assistant is at work."""
        program, self._program = self._program, None
        if program is not None:
            program.stop()
            assert "Traceback" not in program.output, program.output


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for this module; each test has a board of its own."""
    with Server(tmp_path_factory.mktemp("panel")) as running:
        yield running
    assert "Traceback" not in running.output, running.output


@pytest.fixture(scope="module")
def staff(server: Server) -> Iterator[Staff]:
    staff = Staff(server)
    yield staff
    staff.dismiss()


@pytest.fixture
def come(enter: Opener, request: pytest.FixtureRequest) -> Opener:
    """`await come()` is a new person on this test's board."""
    return partial(enter, request.node.name[:100])


async def ask(person: Person, text: str) -> None:
    await person.handle("assistant-input").fill(text)
    await person.page.keyboard.press("Enter")


def cards(person: Person) -> Locator:
    return person.handle("run-card")


async def ends(person: Person, status: str, nth: int = 0) -> None:
    """Until the card of the nth run says how it ended."""
    await expect(cards(person).nth(nth)).to_have_attribute("data-status", status, timeout=RUN_MS)


async def test_what_one_person_asks_both_see_thought_drawn_and_told(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann, ben = await come(name="Ann"), await come(name="Ben", theme="dark")
    await expect(ben.handle("assistant-panel")).to_contain_text("Demo assistant (no AI)", timeout=RUN_MS)
    await ask(ann, "draw three red circles in a row")
    for person, asker in ((ann, "You"), (ben, "Ann")):
        await ends(person, "completed")
        await expect(person.shapes("ellipse")).to_have_count(3)
        panel = person.handle("assistant-panel")
        await expect(panel.locator(".prompt")).to_contain_text(f"{asker} · now")
        await expect(panel.locator(".prompt-body")).to_have_text("draw three red circles in a row")
        await expect(person.handle("run-step")).to_have_count(1)
        await expect(person.handle("run-step")).to_contain_text("Created 3 circles")
        await expect(cards(person)).to_contain_text("3 changes")
    await ann.screenshot("panel-done")
    await ben.screenshot("panel-done-dark")


async def test_a_shape_dragged_while_the_assistant_changes_it_keeps_both_and_lies_where_the_person_put_it(
    come: Opener, staff: Staff
) -> None:
    """D2, D4: the assistant waits while somebody drags, and what both did stays."""
    staff.hire()
    ann, ben = await come(name="Ann"), await come(name="Ben")
    box = await ann.draw("r", (300, 300), (460, 380))
    await ann.saved()
    x, y = await ann.middle(box)
    before = await ann.written(box)
    await ann.drag((x, y), (x + 150, y + 90), release=False)
    await ask(ben, "make the box green and move it up")
    await expect(cards(ben)).to_have_attribute("data-status", re.compile("in_progress|requires_action"), timeout=RUN_MS)
    await ann.page.mouse.move(x + 200, y + 100)
    await ann.page.mouse.up()
    await ends(ben, "completed")
    for person in (ann, ben):
        await person.saved()
    answer = await ann.page.request.get(ann.page.url.replace("/r/", "/api/rooms/") + "/doc")
    shape = (await answer.json())["shapes"][box]
    assert shape["fill"] == "green"
    assert shape["x"] == before["x"] + 200, "the assistant wrote only y: the person's x stays"
    assert [await ann.written(box)] == [await ben.written(box)]


async def test_a_step_points_at_its_shapes(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann = await come()
    await ask(ann, "draw two blue boxes")
    await ends(ann, "completed")
    glowing = ann.page.locator(".target.highlight")
    await ann.handle("run-step").hover()
    await expect(glowing).to_have_count(2)
    await ann.handle("assistant-input").hover()
    await expect(glowing).to_have_count(0)
    # By keyboard as well, and one press brings far shapes into view.
    await ann.page.mouse.move(500, 400)
    for _ in range(8):
        await ann.page.mouse.wheel(0, 1000)
    await ann.handle("run-step").focus()
    await expect(glowing).to_have_count(2)
    await ann.page.keyboard.press("Enter")
    await expect(ann.shapes("rect").first).to_be_in_viewport()


async def test_undo_takes_the_run_back_and_says_what_somebody_changed_since(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann, ben = await come(name="Ann"), await come(name="Ben")
    await ask(ann, "draw three red circles in a row")
    await ends(ben, "completed")
    moved = (await ben.ids())[0]
    await ben.click(moved)
    await ben.page.keyboard.press("ArrowUp")
    await ben.saved()
    was = (await ben.written(moved))["y"]
    await expect(ann.shape(moved)).to_have_attribute("data-y", f"{was:g}")
    await ann.handle("undo-run").click()
    for person, who in ((ann, "you"), (ben, "Ann")):
        await expect(person.shapes()).to_have_count(1)
        await expect(person.shape(moved)).to_be_visible()
        await expect(cards(person)).to_have_attribute("data-undone", "true")
        await expect(cards(person).locator(".run-title")).to_have_text("Drew 3 shapes")
        await expect(cards(person)).to_contain_text(f"Undone by {who}.")
        await expect(cards(person)).to_contain_text("A circle stayed (changed since).")
        await expect(person.handle("undo-run")).to_have_count(0)
    await ben.screenshot("panel-undone")


async def test_r18_a_run_is_played_again_call_by_call_whatever_became_of_it(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann = await come()
    await ask(ann, "draw a red box")
    await ends(ann, "completed")
    await ask(ann, "flowchart one -> two -> three")
    await ends(ann, "completed", nth=1)
    made = await ann.shapes().count()
    card = cards(ann).nth(1)
    calls = await card.get_by_test_id("run-step").count()
    await card.get_by_test_id("undo-run").click()
    await expect(ann.shapes()).to_have_count(1)
    await card.hover()
    await card.get_by_test_id("replay-run").click()
    past = ann.handle("past").locator("[data-shape-id]")
    await expect(past).to_have_count(made)  # by itself, to the end
    await expect(ann.handle("past-title")).to_have_text(f"Step {calls} of {calls}")
    for left in range(calls - 1, 0, -1):
        await ann.handle("past-earlier").click()
        await expect(ann.handle("past-title")).to_have_text(f"Step {left} of {calls}")
    await expect(ann.handle("past").locator("[data-mark]")).not_to_have_count(0)
    await ann.screenshot("replay")
    await ann.handle("past-earlier").click()
    await expect(ann.handle("past-title")).to_have_text("Before the run")
    await expect(past).to_have_count(1)
    await ann.handle("past-close").click()
    await expect(past).to_have_count(0)
    await expect(ann.shapes()).to_have_count(1)


async def test_r15_what_is_proposed_is_a_ghost_until_somebody_accepts_it(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann, ben = await come(name="Ann"), await come(name="Ben")
    ghosts = ben.page.locator("[data-shape-id].proposed")
    await ann.handle("propose-switch").click()
    await ask(ann, "draw three red circles in a row")
    await ends(ben, "completed")
    await expect(cards(ben)).to_contain_text("Proposal")
    await expect(ben.handle("proposal")).to_have_attribute("data-open", "3")
    await expect(ghosts).to_have_count(3)
    await expect(ben.handle("undo-run")).to_have_count(0)
    # A ghost is no shape to take hold of, and nobody has to wait for it.
    middle = await ben.middle((await ben.ids())[0])
    await ben.page.mouse.click(*middle)
    await ben.page.keyboard.press("Control+a")
    await ben.page.keyboard.press("Delete")
    await expect(ghosts).to_have_count(3)
    box = await ben.draw("r", (300, 560), (400, 620))
    await ben.page.keyboard.press("Escape")
    await expect(ann.shape(box)).to_be_visible()
    await ann.screenshot("proposal")

    # Where it lies it can be decided on, too: the pointer on it brings the buttons.
    await ben.page.mouse.move(*middle)
    await expect(ben.handle("ghost-bar")).to_be_visible()
    await ben.screenshot("ghost-bar")
    await ben.handle("accept-ghost").click()
    await expect(ann.page.locator("[data-shape-id].proposed")).to_have_count(2)
    await expect(ann.shapes("ellipse")).to_have_count(3)
    await ben.page.mouse.move(*await ben.middle((await ben.ids())[1]))
    await ben.handle("reject-ghost").click()
    await expect(ann.shapes("ellipse")).to_have_count(2)
    await expect(ben.handle("ghost-bar")).to_have_count(0)
    await ann.handle("reject-run").click()
    for person in (ann, ben):
        await expect(person.shapes("ellipse")).to_have_count(1)
        await expect(person.handle("proposal")).to_have_count(0)
        await expect(cards(person)).to_contain_text("1 accepted change")
    await ben.handle("undo-run").click()
    await expect(ann.shapes("ellipse")).to_have_count(0)
    await expect(ann.shape(box)).to_be_visible()


async def test_r14_a_proposed_change_leaves_the_shape_as_it_is_and_what_people_change_stays(
    come: Opener, staff: Staff
) -> None:
    staff.hire()
    ann = await come(name="Ann")
    ben = await come(name="Ben", theme="dark", viewport=PHONE, has_touch=True)
    box = await ann.draw("r", (300, 200), (460, 300))
    fill = await ann.shape(box).get_attribute("data-fill")
    assert fill is not None
    await ben.handle("open-panel").click()
    await ben.handle("assistant-settings").click()
    await ben.handle("policy-propose").check()
    await ben.handle("assistant-panel").get_by_role("button", name="Hide the assistant").click()
    await expect(ann.handle("propose-switch")).to_be_disabled()
    await expect(ann.handle("propose-switch")).to_have_attribute("aria-pressed", "true")
    await ann.click(box)
    await ask(ann, "make the selected green")
    await ends(ben, "completed")
    await expect(ben.page.locator(f'[data-proposal="{box}"]')).to_be_visible()
    await expect(ben.shape(box)).to_have_attribute("data-fill", fill)
    await ben.screenshot("proposal-phone")
    await ben.page.get_by_role("button", name="1 proposal to decide on").click()
    await expect(ben.handle("proposal")).to_contain_text("Change colour")
    await ben.screenshot("proposal-phone-panel")
    await ben.handle("accept-run").click()
    for person in (ann, ben):
        await expect(person.shape(box)).to_have_attribute("data-fill", "green")
        await expect(person.page.locator("[data-proposal]")).to_have_count(0)

    await ann.click(box)
    await ask(ann, "delete the selected")
    await ends(ann, "completed", nth=1)
    await expect(ben.page.locator('[data-proposal][data-kind="delete"]')).to_be_attached()
    await expect(ben.handle("proposal")).to_contain_text("Delete")
    await ben.handle("reject-shape").click()
    await expect(ann.page.locator("[data-proposal]")).to_have_count(0)
    await expect(ann.shape(box)).to_be_visible()
    await expect(cards(ann).nth(1)).to_contain_text("Nothing of it was accepted")


async def test_keep_ends_the_question_for_everybody(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann, ben = await come(), await come()
    await ask(ann, "draw a green box")
    await ends(ben, "completed")
    await ben.handle("keep-run").click()
    for person in (ann, ben):
        await expect(person.handle("keep-run")).to_have_count(0)
        await expect(person.handle("undo-run")).to_have_count(0)
        await expect(person.shapes("rect")).to_have_count(1)


async def test_a_prompt_asked_before_an_assistant_came_is_answered_when_it_does(come: Opener, staff: Staff) -> None:
    staff.dismiss()
    ann = await come()
    await expect(ann.handle("assistant-panel")).to_contain_text("No assistant is connected")
    await ask(ann, "draw a red box")
    await expect(cards(ann)).to_contain_text("It starts when one joins")
    staff.hire()
    await ends(ann, "completed")
    await expect(ann.shapes("rect")).to_have_count(1)


async def test_a_prompt_asked_while_the_server_is_away_is_answered_when_it_is_back(
    come: Opener, staff: Staff, server: Server
) -> None:
    staff.hire()
    ann = await come()
    await expect(ann.handle("assistant-panel")).to_contain_text("Demo assistant", timeout=RUN_MS)
    await anyio.to_thread.run_sync(server.kill)
    await ask(ann, "draw a red box")
    await expect(cards(ann)).to_contain_text("when the connection is back")
    await ann.screenshot("panel-offline")
    await anyio.to_thread.run_sync(server.start)
    await ends(ann, "completed")
    await expect(ann.shapes("rect")).to_have_count(1)


async def test_what_is_selected_goes_along_with_the_prompt(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann = await come()
    first = await ann.draw("r", (300, 200), (400, 260))
    await ann.draw("r", (500, 200), (600, 260))
    await ann.click(first)
    chip = ann.handle("assistant-panel").get_by_role("button", name="1 selected")
    await expect(chip).to_be_visible()
    await ask(ann, "delete the selected")
    await ends(ann, "completed")
    await expect(ann.shapes()).to_have_count(1)
    await expect(ann.shape(first)).to_have_count(0)
    await expect(chip).to_have_count(0)


async def test_the_slash_key_and_the_first_examples_lead_to_the_assistant(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann = await come()
    await ann.page.keyboard.press("/")
    await expect(ann.handle("assistant-input")).to_be_focused()
    await ann.handle("assistant-panel").get_by_role("button", name="Hide the assistant").click()
    await expect(ann.handle("assistant-panel")).not_to_be_in_viewport()
    await ann.page.keyboard.press("/")
    await ann.handle("assistant-panel").get_by_role("button", name="Draw three red circles").click()
    await ends(ann, "completed")
    await expect(ann.shapes("ellipse")).to_have_count(3)


async def test_the_demo_assistant_says_what_it_is_and_how_to_get_a_model(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann = await come()
    panel = ann.handle("assistant-panel")
    await expect(panel).to_contain_text("It follows fixed rules", timeout=RUN_MS)
    await panel.get_by_role("button", name="How").click()
    await expect(panel).to_contain_text("OPENAI_BASE_URL")


async def test_on_a_phone_the_panel_is_a_sheet_with_targets_for_thumbs(come: Opener, staff: Staff) -> None:
    staff.hire()
    ann = await come(viewport=PHONE, has_touch=True)
    await ann.handle("open-panel").click()
    await expect(ann.handle("assistant-input")).to_be_focused()
    await ask(ann, "draw two blue boxes")
    await ends(ann, "completed")
    buttons = ann.handle("assistant-panel").locator("button:visible")
    for button in await buttons.all():
        box = await button.bounding_box()
        assert box is not None
        # A link inside a sentence may be as high as its line (WCAG 2.5.8).
        if await button.get_attribute("class") != "link":
            assert box["height"] >= 44, await button.inner_text()
    await ann.screenshot("panel-phone")
    await ann.page.keyboard.press("Escape")
    await expect(ann.handle("assistant-panel")).not_to_be_in_viewport(timeout=WAIT_MS)


async def test_anybody_can_stop_a_run_and_the_next_prompt_is_answered(come: Opener, staff: Staff) -> None:
    staff.hire(SLOW)
    ann, ben = await come(name="Ann"), await come(name="Ben")
    coming = ben.page.locator('[data-proposal][data-kind="preview"]')
    await ask(ann, "flowchart one -> two -> three -> four -> five")
    await expect(coming).not_to_have_count(0, timeout=RUN_MS)  # R17: seen before they are there
    await expect(cards(ben)).to_contain_text("5 changes so far", timeout=RUN_MS)
    await expect(cards(ben)).to_have_attribute("data-tone", "busy")
    await ben.screenshot("panel-working")
    await ben.handle("stop").click()
    await ends(ann, "cancelled")
    await expect(cards(ann)).to_contain_text("Stopped by Ben")
    await expect(cards(ben)).to_contain_text("Stopped by you")
    await expect(ben.handle("stop")).to_have_count(0)
    await expect(ben.handle("undo-run")).to_be_visible()
    await expect(coming).to_have_count(0)
    await expect(ben.shapes()).to_have_count(5)
    await ask(ann, "draw a box")
    await ends(ann, "completed", nth=1)


async def test_escape_in_the_panel_stops_the_run_and_on_the_board_only_ones_own(come: Opener, staff: Staff) -> None:
    staff.hire(SLOW)
    ann, ben = await come(name="Ann"), await come(name="Ben")
    await ask(ann, "flowchart one -> two -> three -> four -> five")
    await expect(ben.handle("stop")).to_be_visible(timeout=RUN_MS)
    await ben.page.mouse.click(400, 600)
    await ben.page.keyboard.press("Escape")
    await expect(ann.handle("stop")).to_be_visible(timeout=RUN_MS)  # a key before she sees the run stops nothing
    await ann.page.keyboard.press("Escape")
    await ends(ben, "cancelled")
    await expect(cards(ben)).to_contain_text("Stopped by Ann")
    await ask(ann, "flowchart one -> two -> three -> four -> five")
    await expect(ann.handle("stop")).to_be_visible(timeout=RUN_MS)
    await ann.page.mouse.click(400, 600)
    await ann.page.keyboard.press("Escape")
    await ends(ben, "cancelled", nth=1)


async def test_prompts_during_a_run_wait_in_the_order_they_came_and_can_be_taken_back(
    come: Opener, staff: Staff
) -> None:
    staff.hire(SLOW)
    ann, ben = await come(name="Ann"), await come(name="Ben")
    await ask(ann, "flowchart one -> two -> three")
    await expect(ben.handle("stop")).to_be_visible(timeout=RUN_MS)
    await ask(ben, "draw a yellow note")
    await ask(ann, "draw a pink triangle")
    await expect(cards(ann).nth(1)).to_contain_text("Queued (2nd)")
    await expect(cards(ben).nth(2)).to_contain_text("Queued (3rd)")
    await ann.screenshot("panel-queued")
    await cards(ben).nth(2).get_by_role("button", name="Remove").click()
    await expect(cards(ann)).to_have_count(2)
    await ends(ann, "completed", nth=0)
    await ends(ann, "completed", nth=1)
    for person in (ann, ben):
        await expect(person.shapes("note")).to_have_count(1)
        await expect(person.shapes("triangle")).to_have_count(0)


async def test_a_run_that_fails_says_why_in_words_and_may_be_tried_again(come: Opener, staff: Staff) -> None:
    staff.hire(BROKEN)
    ann, ben = await come(name="Ann"), await come(name="Ben")
    await ask(ann, "draw a red box")
    await ends(ben, "failed")
    await expect(cards(ben).locator(".run-title")).to_have_text("Failed")
    await expect(cards(ben).locator(".run-detail")).to_contain_text("127.0.0.1")
    await ben.screenshot("panel-failed")
    await cards(ben).get_by_role("button", name="Try again").click()
    await ends(ann, "failed", nth=1)
    await expect(ann.handle("assistant-panel").locator(".prompt-meta").nth(1)).to_contain_text("Ben")
