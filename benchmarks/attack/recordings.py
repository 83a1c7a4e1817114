"""Honest editing sessions, as the updates that came to a server: what mutations start from.

Real Yjs made those of tests/vectors/sessions.json and of tests/interop/node/honest.mjs; pycrdt makes others here.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycrdt import Array, Doc, Map, Text

from sync.gate import ProfileName

VECTORS = Path(__file__).resolve().parents[2] / "tests" / "vectors"
VALUES = (
    0,
    -3,
    70_000,
    2**40,
    1.5,
    0.1,
    True,
    None,
    "",
    "text",
    "größer → ☃",
    "x" * 300,
    [1, 2],
    {"id": "a", "n": [1]},
)


@dataclass(frozen=True, slots=True)
class Recording:
    """`profile` is of the room it was made for; every update builds on earlier ones only."""

    profile: ProfileName
    updates: tuple[bytes, ...]


def of_yjs() -> list[Recording]:
    """The recorded sessions, and documents as one update each."""
    sessions = json.loads((VECTORS / "sessions.json").read_text())["sessions"]
    out = [_recording(one["profile"], (data for _, data in one["updates"])) for one in sessions]
    documents = json.loads((VECTORS / "yjs.json").read_text())["documents"]
    return [*out, *(_recording("map", [one["update"]]) for one in documents)]


def _recording(profile: ProfileName, updates: Iterable[str]) -> Recording:
    return Recording(profile, tuple(base64.b64decode(data) for data in updates))


def of_pycrdt(seed: int, gestures: int = 30) -> Recording:
    """Two people who draw on one board, mostly in touch; with odd seeds they write texts and lists too."""
    dice = random.Random(seed)
    is_any = seed % 2 == 1
    docs: list[Doc[Any]] = [Doc(client_id=2**31 + 2 * seed + number) for number in (0, 1)]
    log: list[bytes] = []
    outs: list[list[bytes]] = [[], []]
    held = [doc.observe(lambda event, out=out: out.append(event.update)) for doc, out in zip(docs, outs, strict=True)]
    for _ in range(gestures):
        who = dice.randrange(2)
        with docs[who].transaction():
            _gesture(dice, docs[who], is_any=is_any)
        if dice.random() < 0.7:
            _bring(dice.randrange(2), docs, outs, log)
    for who in (0, 1):
        _bring(who, docs, outs, log)
    for doc, subscription in zip(docs, held, strict=True):
        doc.unobserve(subscription)
    return Recording("any" if is_any else "map", tuple(log))


def _gesture(dice: random.Random, doc: Doc[Any], *, is_any: bool) -> None:
    shapes: Map[Any] = doc.get("shapes", type=Map)
    ids = list(shapes.keys())
    match dice.randrange(10 if is_any else 7):
        case 0 | 1:
            shapes[f"s{dice.getrandbits(40)}"] = Map({f"k{n}": dice.choice(VALUES) for n in range(dice.randrange(6))})
        case 2:
            doc.get("meta", type=Map)["title"] = dice.choice(VALUES)
        case 3 if ids:
            del shapes[dice.choice(ids)]
        case 7:
            text: Text = doc.get("note", type=Text)
            text += dice.choice(("a", "bcd", "é"))
        case 8:
            items: Array[Any] = doc.get("list", type=Array)
            items.insert(dice.randrange(len(items) + 1), dice.choice(VALUES))
        case 9:
            items = doc.get("list", type=Array)
            if len(items):
                del items[dice.randrange(len(items))]
        case _ if ids:
            shape = shapes[dice.choice(ids)]
            for _ in range(dice.choice((1, 2, 4))):
                shape[f"k{dice.randrange(8)}"] = dice.choice(VALUES)
        case _:
            doc.get("meta", type=Map)["version"] = dice.random()


def _bring(who: int, docs: list[Doc[Any]], outs: list[list[bytes]], log: list[bytes]) -> None:
    """What one has done since comes to the server and from there to the other."""
    brought, outs[who][:] = list(outs[who]), []
    log += brought
    mine = list(outs[1 - who])
    for update in brought:
        docs[1 - who].apply_update(update)
    outs[1 - who][:] = mine  # without what applying has told
