"""A board as a picture: what is drawn, in which colours, and that nothing of the document gets out of its text."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from sync.canvas.canvas import Canvas
from sync.canvas.render import MARGIN, render
from sync.canvas.theme import THEMES, ThemeName
from sync.picture import MAX_SIDE, fitting_scale, png
from tests.vectors import make_route

SVG = "{http://www.w3.org/2000/svg}"
TOKENS = Path(__file__).parents[2] / "frontend" / "src" / "style" / "tokens.css"
DRAWN = {"svg", "g", "rect", "ellipse", "polygon", "path", "text", "tspan", "title", "filter", "feGaussianBlur"}
HOSTILE = "</text><script>alert(1)</script><image href='http://evil.example/x.png'/>&\"'<![CDATA[ ]]> \x00\x1b\ufffe"


def board(**shapes: dict[str, Any]) -> Canvas:
    doc = Doc[Any]()
    root = doc.get("shapes", type=Map)
    for name, fields in shapes.items():
        root[name] = Map(fields)
    return Canvas(doc)


def drawn(canvas: Canvas, theme: ThemeName = "light") -> ET.Element:
    return ET.fromstring(render(canvas, theme).svg)


def words(element: ET.Element) -> list[str]:
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_are_those_of_the_board(theme: ThemeName) -> None:
    css = TOKENS.read_text(encoding="utf-8")
    tokens = {name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\(([^,()]+), ([^,()]+)\);", css)}
    side, colours = ("light", "dark").index(theme), THEMES[theme]
    assert (colours.canvas, colours.text, colours.text_2) == tuple(
        tokens[name][side] for name in ("canvas", "text", "text-2")
    )
    for name, (fill, stroke) in colours.palette.items():
        assert (fill, stroke) == (tokens[f"{name}-fill"][side], tokens[f"{name}-stroke"][side])


def test_every_type_of_shape_is_drawn_where_it_lies() -> None:
    size: dict[str, Any] = {"w": 100, "h": 80}
    picture = drawn(
        board(
            a={"type": "rect", "x": 0, "y": 0, **size, "fill": "blue", "stroke": "blue", "text": "Login"},
            b={"type": "ellipse", "x": 200, "y": 0, **size, "rotation": 45, "fill": "#ff0000"},
            c={"type": "diamond", "x": 400, "y": 0, **size, "dashed": True, "stroke": "red"},
            d={"type": "triangle", "x": 600, "y": 0, **size},
            e={"type": "note", "x": 0, "y": 200, **size, "text": "Remember", "text_align": "left"},
            f={"type": "text", "x": 200, "y": 200, "w": 100, "h": 20, "text": "Plain", "stroke": "none"},
            g={"type": "draw", "x": 400, "y": 200, **size, "points": [0, 0, 10, 10, 20, 0]},
            h={"type": "frame", "x": -50, "y": -50, "w": 900, "h": 400, "text": "Stage"},
            i={"type": "connector", "from": {"id": "a"}, "to": {"id": "b"}, "text": "then"},
        )
    )
    assert [float(v) for v in picture.attrib["viewBox"].split()] == [-50 - MARGIN, -50 - MARGIN, 980, 480]
    assert sorted(words(picture)) == ["Login", "Plain", "Remember", "Stage", "then"]
    groups = picture.findall(f"{SVG}g")
    assert len(groups) == 9
    assert groups[1].attrib["transform"] == "translate(200 0) rotate(45 50 40)"
    ellipse = groups[1].find(f"{SVG}ellipse")
    assert ellipse is not None
    assert ellipse.attrib["fill"] == "#ff0000"
    diamond = groups[2].find(f"{SVG}polygon")
    assert diamond is not None
    assert diamond.attrib["points"] == "50,0 100,40 50,80 0,40"
    assert diamond.attrib["stroke-dasharray"] == "6 5"
    path = groups[6].find(f"{SVG}path")
    assert path is not None
    assert path.attrib["d"] == "M0 0L50 80L100 0", "the points span 20 x 10 and are stretched to 100 x 80"


def test_a_connector_ends_on_the_outlines_and_stays_when_its_shape_was_deleted() -> None:
    shapes: dict[str, dict[str, Any]] = {
        "a": {"type": "rect", "x": 0, "y": 0, "w": 100, "h": 100},
        "b": {"type": "ellipse", "x": 300, "y": 0, "w": 100, "h": 100, "deleted": True},
        "straight": {"type": "connector", "from": {"id": "a"}, "to": {"id": "b"}, "end_head": "none"},
        "elbow": {
            "type": "connector",
            "from": {"id": "a", "anchor": "bottom"},
            "to": {"x": 300, "y": 200},
            "route": "elbow",
            "start_head": "arrow",
        },
        "nowhere": {"type": "connector", "from": {"id": "a"}, "to": {"id": "gone"}},
    }
    paths = [path.attrib["d"] for path in drawn(board(**shapes)).iter(f"{SVG}path")]
    assert "M100 50L300 50" in paths
    assert "M50 100L50 200L300 200" in paths
    assert len(paths) == 4, "the elbow has two heads, and a line without an end is not drawn"


@given(st.text(max_size=60) | st.just(HOSTILE))
def test_e7_words_stay_words(text: str) -> None:
    text = text.encode(errors="ignore").decode()
    shapes: dict[str, dict[str, Any]] = {
        kind: {"type": kind, "w": 4000, "h": 100, "text": text, "fill": text, "stroke": text}
        for kind in ("rect", "note", "frame")
    }
    shapes["line"] = {"type": "connector", "from": {"x": 0, "y": 0}, "to": {"x": 9, "y": 9}, "text": text}
    picture = ET.fromstring(render(board(**shapes), title=text).svg)
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= DRAWN
    assert not any("href" in name or name.startswith("on") for element in picture.iter() for name in element.attrib)
    if text.isalnum() and text.isascii():
        assert words(picture).count(text) == 4


def test_a_document_of_nonsense_is_drawn_without_an_error() -> None:
    picture = drawn(board(a={"type": 5, "x": "left", "w": -1, "points": "no", "from": [1]}, b={"type": "connector"}))
    assert len(picture.findall(f"{SVG}g")) == 1


def test_an_empty_board_is_an_empty_page() -> None:
    assert [child.tag for child in drawn(board())] == [f"{SVG}filter", f"{SVG}rect"]


def test_a_png_shows_the_fill_the_label_and_the_theme() -> None:
    shapes = {"a": {"type": "rect", "w": 200, "h": 100, "fill": "#ff0000", "stroke": "none"}}
    plain, labelled = (render(board(a={**shapes["a"], "text": text})) for text in ("", "Łódź"))
    pictures = [png(picture.svg, picture.w, picture.h, 2) for picture in (plain, labelled)]
    assert [struct.unpack(">II", picture[16:24]) for picture in pictures] == [(560, 360), (560, 360)]
    assert pictures[0] != pictures[1], "the words are drawn: the font was found"
    dark = render(board(**shapes), "dark")
    assert png(dark.svg, dark.w, dark.h, 2) != pictures[0]


def test_a_huge_board_is_drawn_as_large_as_the_limit_allows() -> None:
    assert fitting_scale(100, 100, 3) == 3
    assert fitting_scale(2e6, 100, 4) * 2e6 == pytest.approx(MAX_SIDE)
    picture = render(board(a={"w": 1e5, "h": 1}))
    width, height = struct.unpack(">II", png(picture.svg, picture.w, picture.h, 4)[16:24])
    assert width <= MAX_SIDE
    assert height >= 1


def test_connectors_and_strokes_run_as_the_browser_draws_them() -> None:
    assert make_route.make() == json.loads(make_route.VECTORS.read_text(encoding="utf-8"))
