"""The shared vectors: documents both ways between yjs and pycrdt, z keys, text widths, and taking calls back.

frontend/test/vectors.test.ts reads the same files.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.canvas import Canvas, read_json
from sync.canvas.drafts import accept, reject
from sync.canvas.history import undo
from sync.canvas.keys import key_between, keys_between
from sync.canvas.schema import MAX_COORDINATE, SHAPE_FIELDS
from sync.canvas.text import line_width

VECTORS = Path(__file__).parents[1] / "vectors"


def load(name: str) -> dict[str, Any]:
    loaded = json.loads((VECTORS / name).read_text())
    assert isinstance(loaded, dict)
    return loaded


DOCUMENTS = [
    pytest.param(document, id=f"{written['writer']}: {document['name']}")
    for written in (load("yjs.json"), load("pycrdt.json"))
    for document in written["documents"]
]


def fill(doc: Doc[Any], root: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
    target: YMap[Any] = doc.get(root, type=YMap)
    with doc.transaction():
        for key, fields in entries.items():
            target[key] = YMap(dict(fields))


def json_of(doc: Doc[Any], root: str) -> Any:
    return read_json(doc.get(root, type=YMap))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_d1_a_document_reads_as_it_was_meant_whoever_wrote_it(document: dict[str, Any]) -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(base64.b64decode(document["update"]))
    read = {root: json_of(doc, root) for root in document["json"]}
    # As text, so that 3 and 3.0 differ: whole numbers must come back as ints.
    assert json.dumps(read, sort_keys=True) == json.dumps(document["json"], sort_keys=True)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_d6_the_canvas_reads_every_written_shape_without_raising(document: dict[str, Any]) -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(base64.b64decode(document["update"]))
    canvas = Canvas(doc)
    stored = document["json"].get("shapes", {})
    assert {shape.id for shape in canvas.shapes()} == {k for k, v in stored.items() if v.get("deleted") is not True}
    for shape in canvas.shapes():
        for name in ("type", "text", "fill"):
            assert shape.field(name) == stored[shape.id].get(name, SHAPE_FIELDS[name].default)
        y = stored[shape.id].get("y", 0)
        assert shape.y == (y if abs(y) <= MAX_COORDINATE else 0), "what is out of range reads as the default"


def test_z_keys_are_those_of_the_npm_package() -> None:
    vectors = load("keys.json")
    assert [key_between(below, above) for below, above, _ in vectors["between"]] == [
        key for _, _, key in vectors["between"]
    ]
    for below, above, count, keys in vectors["many"]:
        assert keys_between(below, above, count) == keys


@pytest.mark.parametrize("weight", [400, 500])
def test_labels_are_as_wide_as_chromium_draws_them_within_3_percent(weight: int) -> None:
    vectors = load("text.json")
    widths = vectors["widths"][str(weight)]
    assert len(widths) >= 100
    off = {s: line_width(s, vectors["font_size"], weight) / width - 1 for s, width in widths.items()}
    assert {s: round(share, 3) for s, share in off.items() if abs(share) > 0.03} == {}


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in load("undo.json")["cases"]])
def test_r9_taking_calls_back(case: dict[str, Any]) -> None:
    doc: Doc[Any] = Doc()
    fill(doc, "shapes", case["shapes"])
    fill(doc, "calls", case["calls"])
    doc.get("drafts", type=YMap).update(case.get("drafts", {}))
    report = undo(doc, case["undo"], by="ben", at=5000)
    assert json_of(doc, "shapes") == case["expect"]["shapes"]
    assert sorted(report.kept) == case["expect"]["kept"]
    calls = json_of(doc, "calls")
    undone = [c for c, call in calls.items() if (call.get("undo") or {}).get("by") == "ben"]
    assert sorted(undone) == sorted(case["expect"]["undone"])
    assert all(calls[c]["status"] == "undone" and calls[c]["undo"]["at"] == 5000 for c in undone)
    assert sorted(kept for c in undone for kept in calls[c]["undo"]["kept"]) == case["expect"]["kept"]


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in load("drafts.json")["cases"]])
def test_r15_deciding_on_proposals(case: dict[str, Any]) -> None:
    doc: Doc[Any] = Doc()
    fill(doc, "shapes", case["shapes"])
    fill(doc, "calls", case["calls"])
    doc.get("drafts", type=YMap).update(case["drafts"])
    decide = accept if case["verb"] == "accept" else reject
    decision = decide(doc, case["run"], case["named"], by="ben", at=5000)
    assert json_of(doc, "shapes") == case["expect"]["shapes"]
    assert json_of(doc, "drafts") == case["expect"]["drafts"]
    assert sorted(decision.kept) == case["expect"]["kept"]
    assert json_of(doc, "calls") == case["calls"], "the log stays as it was"
