"""A document full of hostile strings: the board shows something sensible, runs nothing and asks nobody else."""

from __future__ import annotations

import itertools
import math
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Request, expect
from pycrdt import Doc
from pycrdt import Map as YMap

from sync.provider import connect
from tests.e2e.conftest import Opener
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

ROOM = "team/hostile"
FOREIGN = "evil.test"
DO = "window.hacked=1"
TAGS = (
    f"<script>{DO}</script>",
    f"<script src=//{FOREIGN}/x.js></script>",
    f"<img src=//{FOREIGN}/x onerror={DO}>",
    f"<svg onload={DO}>",
    f"<svg><use href=//{FOREIGN}/x.svg#a></svg>",
    f"<iframe srcdoc='<script>{DO}</script>'></iframe>",
    f"<a href=javascript:{DO}>a</a>",
    f"<style>*{{background:url(//{FOREIGN}/x)}}</style>",
    f"<foreignObject><body onload={DO}></foreignObject>",
    f"<details open ontoggle={DO}>",
)
COLOURS = (
    f"javascript:{DO}",
    f"url(//{FOREIGN}/x)",
    f"red;background:url(//{FOREIGN}/x)",
    f"var(--x,url(//{FOREIGN}/x))",
    f"image-set(url(//{FOREIGN}/x) 1x)",
    "expression(alert(1))",
    "#12345g",
    "hsl(1,2%,3%);}*{display:none}",
    "rgb(1 2 3)",
    "\\72 ed",
)
WRAPS = (
    "{}",
    '">{}',
    "'>{}",
    "]]>{}",
    "</text>{}",
    "--><{}",
    "\u202e{}\u202c",
    "\x00{}",
    "%3C{}",
    "&#60;{}",
    "${{{}}}",
    "{}\n" * 3,
)
PAYLOADS = [wrap.format(*[tag] * wrap.count("{}")) for wrap, tag in itertools.product(WRAPS, (*TAGS, *COLOURS))] + [
    *(f"{colour};{tag}" for colour, tag in itertools.product(COLOURS[:6], TAGS))
]
STRINGS = (
    *("type", "z", "fill", "stroke", "text", "text_align", "parent", "group", "route", "start_head", "end_head"),
    *("draft", "by", "run", "call"),
)
TYPES = ("rect", "ellipse", "diamond", "triangle", "note", "text", "draw", "frame", "connector")
NUMBERS: tuple[Any, ...] = (math.nan, math.inf, -math.inf, 1e308, -1e308, 2**53, "12", None, True, [], {})
FAULTS = """() => {
  const tags = new Set(['svg', 'g', 'rect', 'ellipse', 'polygon', 'path', 'text', 'tspan', 'title']);
  const faults = [];
  for (const element of document.querySelectorAll('.stage *')) {
    if (!tags.has(element.tagName)) faults.push(`<${element.tagName}>`);
    for (const { name, value } of element.attributes) {
      if (/^on|href/i.test(name)) faults.push(name);
      if (/^(transform|d|points|width|height|style|opacity)$/.test(name) && /NaN|Infinity|url\\(|java/i.test(value))
        faults.push(`${name}=${value.slice(0, 100)}`);
    }
  }
  const foreign = document.querySelectorAll('iframe, object, embed, foreignObject, script:not([src])').length;
  return { faults, foreign, hacked: window.hacked ?? null };
}"""


def hostile() -> Doc[Any]:
    """Every payload in every string field, wrong types and numbers, circles of parents, and such conversations."""
    doc: Doc[Any] = Doc()
    roots = {
        name: doc.get(name, type=YMap) for name in ("meta", "shapes", "groups", "threads", "messages", "runs", "calls")
    }
    with doc.transaction():
        roots["meta"]["title"] = TAGS[0]
        for i, payload in enumerate(PAYLOADS):
            place: dict[str, Any] = {"x": (i % 20) * 130, "y": (i // 20) * 90, "w": 110, "h": 70}
            strings = dict.fromkeys(STRINGS, payload)
            # The half has a type, so that the other fields are drawn as what they are there for.
            if i % 2:
                strings["type"] = TYPES[i // 2 % len(TYPES)]
            roots["shapes"][f"{payload}{i}"] = YMap(
                {**strings, **place, "from": {"id": payload}, "to": {"x": 1, "y": i}}
            )
        for i, value in enumerate(NUMBERS):
            numbers = dict.fromkeys(
                ("x", "y", "w", "h", "rotation", "opacity", "stroke_width", "font_size", "at"), value
            )
            roots["shapes"][f"n{i}"] = YMap({**numbers, "type": TYPES[i % len(TYPES)], "points": [value, value]})
            roots["shapes"][f"w{i}"] = YMap(
                dict.fromkeys((*STRINGS, "points", "from", "to", "deleted", "locked"), value)
            )
        for i in range(3):
            roots["shapes"][f"c{i}"] = YMap({"type": "frame", "parent": f"c{(i + 1) % 3}", "text": "circle"})
        roots["shapes"]["long"] = YMap({"type": "note", "text": "long " * 4000, "x": 0, "y": -400})
        roots["shapes"]["no map"] = PAYLOADS[0]
        for i, payload in enumerate(PAYLOADS[:40]):
            roots["groups"][payload] = YMap({"name": payload, "by": payload})
            roots["threads"][f"t{i}"] = YMap({"title": payload, "by": payload, "at": i})
            said = {"thread": f"t{i}", "role": "user", "by": payload, "at": i, "run": f"r{i}", "body": payload}
            roots["messages"][f"m{i}"] = YMap({**said, "context": {"selection": [payload]}})
            run = {
                "thread": f"t{i}",
                "status": "failed" if i % 2 else payload,
                "by": payload,
                "at": i,
                "message": f"m{i}",
            }
            roots["runs"][f"r{i}"] = YMap(
                {**run, "error": {"message": payload}, "plan": [{"text": payload, "state": payload}]}
            )
            call = {
                "run": f"r{i}",
                "seq": 1,
                "name": payload,
                "status": "done",
                "at": i,
                "arguments": {payload: payload},
            }
            roots["calls"][f"r{i}.1"] = YMap(
                {**call, "changes": {payload: {payload: [payload, payload]}}, "created": [payload]}
            )
    return doc


def watch(page: Page, home: str, foreign: list[str]) -> None:
    """Takes down every request that leaves the server's address, and every dialog."""

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(home).netloc:
            foreign.append(request.url)

    page.on("request", asked)
    page.on("dialog", lambda dialog: foreign.append(f"dialog: {dialog.message}"))


async def test_d1_a_document_full_of_hostile_strings_is_shown_and_runs_nothing(enter: Opener, server: Server) -> None:
    doc = hostile()
    async with connect(f"{server.sync_url}/{ROOM}?coplayer=1", doc) as peer:
        await peer.wait_synced()
        # More than a label may have: not shown, and not in the way either.
        doc.get("shapes", type=YMap)["huge"] = YMap({"type": "rect", "text": "x" * 900_000, "y": -200})
        await peer.saved()
        user = {"id": PAYLOADS[2], "name": PAYLOADS[3], "color": COLOURS[1], "kind": PAYLOADS[4]}
        peer.set_presence(
            {
                "user": user,
                "cursor": {"x": math.pi, "y": 1e308},
                "selection": PAYLOADS[:20],
                "drag": {"ids": ["long", PAYLOADS[1]], "dx": 1e308, "dy": 5},
                "typing": {"id": "long", "text": PAYLOADS[5]},
                "drawing": {"x": 0, "y": 0, "points": [1e308, -1e308, 1, 1], "stroke": COLOURS[2]},
                "view": {"x": 0, "y": 0, "w": -1, "h": 1e308},
            }
        )
        ann = await enter(ROOM, wait=False)
        foreign: list[str] = []
        watch(ann.page, server.url, foreign)
        await ann.saved()
        await ann.page.keyboard.press("Shift+1")
        await expect(ann.shape("c0")).to_have_attribute("data-type", "frame")
        await expect(ann.shape("long")).to_have_attribute("data-type", "note")
        await expect(ann.shape("huge")).to_have_attribute("aria-label", "Rectangle")
        await ann.page.keyboard.press("Control+a")
        await ann.page.keyboard.press("ArrowRight")
        await ann.page.keyboard.press("Control+z")
        await ann.page.keyboard.press("Escape")
        await ann.saved()
        found = await ann.page.evaluate(FAULTS)
        assert found == {"faults": [], "foreign": 0, "hacked": None}
        # And once more from this browser's own copy.
        await ann.page.reload()
        await ann.saved()
        await expect(ann.shape("c0")).to_have_attribute("data-type", "frame")
        assert (await ann.page.evaluate(FAULTS)) == found
        assert foreign == []
