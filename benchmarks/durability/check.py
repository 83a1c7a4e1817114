"""Looks whether all that was confirmed is there after a death, and whether all who survived it agree."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
from pycrdt import Doc, Map

from benchmarks.durability.counts import Counts
from benchmarks.durability.historian import Historian
from benchmarks.durability.writer import HUMAN_CLIENT_IDS, Writer
from sync.provider import ProviderClosed, connect
from tests.support.server import Server

TIMEOUT_S = 30


@dataclass(slots=True)
class Totals(Counts):
    """What happened in all rounds. An edit is one field of one shape."""

    rounds: int = 0
    edits: int = 0
    acked: int = 0
    transactions: int = 0
    versions: int = 0
    """Times that somebody went back to a version, and heard that it was done."""
    restores: int = 0
    """Times that putting a backup in place was killed."""
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Nothing was lost and everybody agreed."""
        return self.acked > 0 and not (self.lost or self.unreadable or self.diverged)


class Check:
    """Of one server; what is wrong goes into `totals`."""

    def __init__(self, server: Server, totals: Totals, rng: random.Random) -> None:
        self._server = server
        self._totals = totals
        self._rng = rng

    async def room(self, room: str, writers: list[Writer]) -> None:
        """Before any writer is back: a newcomer has all that was confirmed to anybody."""
        newcomer: Doc[Any] = Doc(client_id=self._rng.randint(*HUMAN_CLIENT_IDS))
        try:
            async with connect(f"{self._server.sync_url}/{room}", newcomer, {"coplayer": "1"}) as provider:
                with anyio.fail_after(TIMEOUT_S):
                    await provider.wait_synced()
        except (ProviderClosed, TimeoutError, ExceptionGroup) as error:
            self._totals.unreadable.append(f"{room}: {error!r}")
            return
        self._compare(room, writers, newcomer.get("shapes", type=Map).to_py() or {})

    async def history(self, historian: Historian) -> None:
        """Its room has one of the numbers that it may have."""
        async with httpx.AsyncClient(base_url=self._server.url, timeout=TIMEOUT_S) as client:
            answer = await client.get(f"/api/rooms/{historian.room}/doc")
        if answer.status_code == 404 and historian.may_be <= {0, 1}:
            return  # it died before it was made
        if answer.status_code != 200:
            self._totals.unreadable.append(f"{historian.room}: {answer.text}")
            return
        found = answer.json().get("meta", {}).get("n", 0)
        if found not in historian.may_be:
            self._totals.lost.append(f"{historian.room}: {found}, and not one of {sorted(historian.may_be)}")
        historian.may_be = {found}

    async def agreement(self, room: str, writers: list[Writer]) -> None:
        """They return with all they had, confirmed or not, and must agree."""
        docs = [writer.doc for writer in writers]
        try:
            with anyio.fail_after(TIMEOUT_S):
                async with AsyncExitStack() as stack:
                    url = f"{self._server.sync_url}/{room}"
                    peers = [await stack.enter_async_context(connect(url, doc, {"coplayer": "1"})) for doc in docs]
                    for peer in peers:
                        await peer.wait_synced()
                        await peer.saved()
                    while any(_content(doc) != _content(docs[0]) for doc in docs[1:]):  # noqa: ASYNC110 - no event tells it
                        await anyio.sleep(0.02)
        except TimeoutError:
            self._totals.diverged.append(room)

    async def over_rest(self, rooms: list[tuple[str, list[Writer]]]) -> None:
        """Every one of these has all that was confirmed."""
        async with httpx.AsyncClient(base_url=self._server.url, timeout=TIMEOUT_S) as client:
            for room, writers in rooms:
                answer = await client.get(f"/api/rooms/{room}/doc")
                if answer.status_code == 200:
                    self._compare(room, writers, answer.json()["shapes"])
                else:
                    self._totals.unreadable.append(f"{room}: {answer.text}")

    def _compare(self, room: str, writers: list[Writer], shapes: dict[str, dict[str, float]]) -> None:
        for writer in writers:
            for shape, number in writer.confirmed.items():
                if shapes.get(shape, {}).get("x", 0) < number:
                    self._totals.lost.append(f"{room}: {shape} = {number}, found {shapes.get(shape)}")


def _content(doc: Doc[Any]) -> Any:
    return doc.get("shapes", type=Map).to_py()
