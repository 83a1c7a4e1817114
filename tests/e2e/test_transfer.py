"""Shapes in and out of a board: clipboard, files, pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Opener
from tests.e2e.person import ARTIFACTS, Person
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

PNG = b"\x89PNG\r\n\x1a\n"


async def exported(person: Person, kind: str) -> Path:
    """What the export window saves, for the selection if there is one."""
    await person.page.get_by_role("button", name="Menu", exact=True).click()
    await person.handle("menu-export").click()
    async with person.page.expect_download() as download:
        await person.handle(f"export-{kind}").click()
    saved = await download.value
    assert saved.suggested_filename == f"Plan A.{kind}"
    await expect(person.handle("export")).to_have_count(0)
    return Path(await saved.path())


async def plan(person: Person) -> tuple[str, str, str]:
    """Two named shapes and a connector between them."""
    await person.handle("board-name").fill("Plan A")
    await person.handle("board-name").press("Enter")
    left = await person.draw("r", (200, 200), (320, 260))
    await person.recolour("blue")
    await person.write(left, "Idea <b>&</b>")
    right = await person.draw("o", (500, 200), (620, 260))
    await person.write(right, "Ship")
    await person.page.keyboard.press("Escape")
    link = await person.draw("a", await person.middle(left), await person.middle(right))
    return left, right, link


async def test_a_copy_is_pasted_on_another_board_as_shapes_and_elsewhere_as_words(
    enter: Opener, server: Server
) -> None:
    """D14."""
    ann = await enter("from")
    await ann.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    left, _, link = await plan(ann)
    await ann.page.keyboard.press("Control+a")
    await ann.page.keyboard.press("Control+c")
    assert (await ann.page.evaluate("navigator.clipboard.readText()")).split("\n") == ["Idea <b>&</b>", "Ship"]

    there = await enter("to", context=ann.page.context)
    await there.page.bring_to_front()
    await there.page.keyboard.press("Control+v")
    await expect(there.shapes()).to_have_count(3)
    await expect(there.shapes("rect")).to_have_attribute("data-fill", "blue")
    pasted = await there.ids()
    assert not {left, link} & set(pasted)  # a copy has an identity of its own
    await there.saved()
    shapes: dict[str, dict[str, Any]] = (await (await there.page.request.get(f"{server.url}/api/rooms/to/doc")).json())[
        "shapes"
    ]
    ends = next(shape for shape in shapes.values() if shape["type"] == "connector")
    assert {ends["from"]["id"], ends["to"]["id"]} < set(pasted)
    await there.page.keyboard.press("Control+x")
    await expect(there.shapes()).to_have_count(0)
    await there.page.keyboard.press("Control+v")
    await expect(there.shapes()).to_have_count(3)

    await ann.page.bring_to_front()
    await ann.page.evaluate('navigator.clipboard.writeText(\'{"not": "ours"}\\nsecond line\')')
    await ann.page.mouse.click(500, 500, button="right")
    await ann.handle("menu-paste").click()
    await expect(ann.shapes("text")).to_have_attribute("aria-label", re.compile('Text: {"not": "ours"}'))
    await ann.click(link)
    await ann.page.keyboard.press("Control+c")
    await ann.page.keyboard.press("Control+v")
    await expect(ann.shapes("connector")).to_have_count(2)  # its ends are where the shapes are that it leaves behind


async def test_a_board_leaves_as_svg_png_and_json_and_comes_back_by_import_and_drop(
    enter: Opener, server: Server
) -> None:
    ann = await enter()
    await plan(ann)
    await ann.page.keyboard.press("Escape")

    svg = (await exported(ann, "svg")).read_text()
    picture = ElementTree.fromstring(svg)
    labels = [" ".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert labels == ["Idea <b>&</b>", "Ship"]
    assert "var(" not in svg
    assert "rgb(221, 235, 255)" in svg  # the blue of the theme
    assert svg.count("font/woff2") + svg.count('format("woff2")') >= 1

    png = (await exported(ann, "png")).read_bytes()
    assert png.startswith(PNG)
    width = int.from_bytes(png[16:20], "big")
    assert width == 2 * (620 - 200 + 48)
    ARTIFACTS.mkdir(exist_ok=True)
    ARTIFACTS.joinpath("export.png").write_bytes(png)

    await ann.click((await ann.ids())[0])
    await ann.page.get_by_role("button", name="Menu", exact=True).click()
    await ann.handle("menu-export").click()
    await expect(ann.handle("export-selection")).to_have_text("Selection (1)")
    await ann.screenshot("export-window")
    await ann.page.get_by_role("button", name="Close").click()
    part = json.loads((await exported(ann, "json")).read_text())
    assert [shape["text"] for shape in part["shapes"].values()] == ["Idea <b>&</b>"]

    await ann.page.keyboard.press("Escape")
    whole = await exported(ann, "json")
    answer = await ann.page.request.post(f"{server.url}/api/rooms", data={"room": "made", "title": "By REST"})
    assert answer.ok
    answer = await ann.page.request.post(f"{server.url}/api/rooms/made/import", data=json.loads(whole.read_text()))
    assert answer.ok, await answer.text()

    ben = await enter("made")
    await expect(ben.shapes()).to_have_count(3)
    await ben.page.get_by_role("button", name="Menu", exact=True).click()
    async with ben.page.expect_file_chooser() as chooser:
        await ben.handle("menu-import").click()
    await (await chooser.value).set_files(whole)
    await expect(ben.shapes()).to_have_count(6)

    drop = """(text) => {
        const data = new DataTransfer();
        data.items.add(new File([text], 'board.json', { type: 'application/json' }));
        const at = { dataTransfer: data, bubbles: true, cancelable: true, clientX: 500, clientY: 600 };
        document.querySelector('.canvas').dispatchEvent(new DragEvent('drop', at));
    }"""
    await ben.page.evaluate(drop, whole.read_text())
    await expect(ben.shapes()).to_have_count(9)
    await ben.page.keyboard.press("Control+z")
    await expect(ben.shapes()).to_have_count(6)  # an import is one step
    await ben.page.evaluate(drop, "{broken")
    await expect(ben.handle("notice")).to_contain_text("“board.json” is no board that was exported as JSON")
    await expect(ben.shapes()).to_have_count(6)
