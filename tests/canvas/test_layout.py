"""Layouts, placing and lints: what a person would see at a glance."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box, edge_point, rotated_bounds
from sync.canvas.layout import Direction, Layout, arrange, ranks
from sync.canvas.lint import lint
from sync.canvas.place import bounds, free_spot
from sync.canvas.text import fit, overflow

BOXES = st.lists(
    st.builds(Box, st.just(0), st.just(0), st.integers(1, 400), st.integers(1, 400)), min_size=1, max_size=14
)
LAYOUTS: st.SearchStrategy[Layout] = st.sampled_from(["row", "column", "grid", "circle", "tree", "layered"])
DIRECTIONS: st.SearchStrategy[Direction] = st.sampled_from(["right", "down", "left", "up"])
EDGES = st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=20)
RECT = {"type": "rect", "x": 0, "y": 0, "w": 100, "h": 60, "z": "a0", "fill": "blue"}


def canvas(**shapes: dict[str, Any]) -> Canvas:
    doc: Doc[Any] = Doc()
    target: YMap[Any] = doc.get("shapes", type=YMap)
    with doc.transaction():
        for shape, fields in shapes.items():
            target[shape] = YMap({**RECT, **fields})
    return Canvas(doc)


def names(found: Canvas, *among: str) -> list[str]:
    return [problem.name for problem in lint(found, among or None)]


@settings(max_examples=300, deadline=None)
@given(LAYOUTS, BOXES, st.integers(0, 60), DIRECTIONS, EDGES)
def test_no_layout_overlaps_and_its_corner_is_the_origin(
    layout: Layout, boxes: list[Box], gap: int, direction: Direction, edges: list[tuple[int, int]]
) -> None:
    corners = arrange(layout, boxes, gap=gap, direction=direction, edges=edges)
    placed = [Box(x, y, box.w, box.h) for (x, y), box in zip(corners, boxes, strict=True)]
    # Corners are whole px, so two neighbours may share the rounding of one.
    slim = [Box(b.x + 0.5, b.y + 0.5, b.w - 1, b.h - 1) for b in placed]
    assert all(a.overlap(b) == 0 for i, a in enumerate(slim) for b in slim[i + 1 :])
    assert (min(x for x, _ in corners), min(y for _, y in corners)) == (0, 0)


@settings(deadline=None)
@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
def test_ranks_end_and_grow_along_every_edge_of_an_acyclic_graph(count: int, edges: list[tuple[int, int]]) -> None:
    forward = [(a, b) for a, b in edges if a < b < count]
    depth = ranks(count, forward)
    assert all(depth[a] < depth[b] for a, b in forward)
    assert len(ranks(count, [(a % count, b % count) for a, b in edges])) == count


def test_a_tree_centres_a_parent_over_its_children() -> None:
    corners = arrange("tree", [Box(0, 0, 100, 40)] * 4, gap=20, edges=[(0, 1), (0, 2), (0, 3)])
    assert corners == [(120, 0), (0, 60), (120, 60), (240, 60)]


def test_a_grid_fills_rows_from_the_left() -> None:
    assert arrange("grid", [Box(0, 0, 50, 50)] * 5, gap=10, columns=3) == [(0, 0), (60, 0), (120, 0), (0, 60), (60, 60)]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.builds(Box, *[st.integers(-600, 600)] * 2, *[st.integers(10, 300)] * 2), max_size=30))
def test_a_free_spot_is_free(taken: list[Box]) -> None:
    view = Box(-600, -400, 1200, 800)
    x, y = free_spot(120, 60, taken, view, gap=20)
    spot = Box(x, y, 120, 60)
    assert all(spot.grown(18).overlap(box) == 0 for box in taken)


def test_a_free_spot_on_an_empty_board_is_the_middle_of_the_view() -> None:
    assert free_spot(100, 50, [], Box(1000, 1000, 400, 300)) == (1150, 1125)


@pytest.mark.parametrize(
    ("kind", "w", "h"), [("rect", 160, 76), ("ellipse", 140, 90), ("diamond", 150, 100), ("note", 150, 120)]
)
def test_short_labels_keep_the_default_size(kind: str, w: int, h: int) -> None:
    assert fit(kind, "Start", 15) == (w, h)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["rect", "ellipse", "diamond", "triangle", "note", "text"]),
    st.text(max_size=300),
    st.integers(4, 60),
)
def test_a_shape_of_the_size_that_fits_never_overflows(kind: str, text: str, font_size: int) -> None:
    w, h = fit(kind, text, font_size)
    assert overflow(kind, w, h, text, font_size) == 0


def test_overlap_is_found_but_not_a_label_on_a_card_nor_shapes_that_touch() -> None:
    assert names(canvas(a={}, b={"x": 50, "text": "b"})) == ["overlap"]
    assert names(canvas(a={}, b={"x": 100})) == []
    assert names(canvas(a={"w": 400, "h": 300}, b={"type": "text", "x": 9, "y": 40, "fill": "none", "z": "a1"})) == []
    assert names(canvas(f={"type": "frame", "w": 400, "h": 300}, b={"x": 350})) == []


def test_a_shape_hidden_under_another_is_occluded_and_a_copy_in_place_is_a_duplicate() -> None:
    hidden = lint(canvas(a={"x": 10, "y": 10, "w": 20, "h": 20}, b={"z": "a1"}))
    assert [(p.name, p.shapes) for p in hidden] == [("occluded", ("a", "b"))]
    assert names(canvas(a={}, b={"x": 0.4})) == ["duplicate"]


def test_nearly_aligned_edges_are_found_once_and_aligned_ones_are_not() -> None:
    off = lint(canvas(a={}, b={"y": 100, "x": 3}))
    assert [(p.name, p.shapes, p.note) for p in off] == [("near_aligned", ("a", "b"), "left edges differ by 3 px")]
    assert names(canvas(a={}, b={"y": 100})) == []
    assert names(canvas(a={}, b={"y": 100, "x": -3, "w": 106})) == []
    assert names(canvas(a={}, b={"y": 2000, "x": 3})) == []


def test_text_that_does_not_fit_is_found_with_what_it_needs() -> None:
    assert names(canvas(a={"text": "word " * 30})) == ["text_overflow"]
    assert names(canvas(a={"text": "fits"})) == []


def test_a_connector_dangles_when_an_end_is_gone_or_missing_and_not_when_it_is_a_point() -> None:
    ends = {"type": "connector", "to": {"x": 5, "y": 5}}
    assert names(canvas(a={}, c={**ends, "from": {"id": "a"}})) == []
    assert names(canvas(a={"deleted": True}, c={**ends, "from": {"id": "a"}})) == ["dangling_connector"]
    assert names(canvas(c={**ends, "from": {"id": "never"}})) == ["dangling_connector"]
    assert names(canvas(c={**ends})) == ["dangling_connector"]


def test_a_shape_far_from_everything_is_off_canvas() -> None:
    assert names(canvas(a={}, b={"x": 300}, c={"x": 90_000})) == ["off_canvas"]
    assert names(canvas(a={}, b={"x": 300}, c={"x": 999_950}), "c") == ["off_canvas"]
    assert names(canvas(a={}, b={"x": 999_950})) == ["off_canvas"]
    assert names(canvas(a={}, b={"x": 90_000})) == []


def test_only_problems_of_the_shapes_asked_about_are_told() -> None:
    found = canvas(a={}, b={"x": 50, "text": "b"}, c={"x": 1000}, d={"x": 1050, "text": "d"})
    assert [p.shapes for p in lint(found, ["d"])] == [("c", "d")]
    assert len(lint(found)) == 2


def test_a_connectors_bounds_run_from_outline_to_outline() -> None:
    line = {"type": "connector", "from": {"id": "a"}, "to": {"id": "b"}}
    anchored = {**line, "to": {"id": "b", "anchor": "top"}}
    found = canvas(a={}, b={"x": 300}, c=line, d=anchored)
    boxes = [bounds(shape, found) for shape in found.connectors()]
    assert boxes[0] == Box(100, 30, 200, 0)
    assert (boxes[1].right, boxes[1].y) == (350, 0)


def test_turned_bounds_and_edge_points() -> None:
    turned = rotated_bounds(Box(0, 0, 100, 50), 90)
    assert [round(v) for v in (turned.x, turned.y, turned.w, turned.h)] == [25, -25, 50, 100]
    assert edge_point(Box(0, 0, 100, 50), (50, 500)) == (50, 50)
    assert edge_point(Box(0, 0, 100, 50), (60, 30)) == (50, 25)
