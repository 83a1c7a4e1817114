"""A person who goes back to versions over REST, again and again."""

from __future__ import annotations

import json

import anyio
import httpx

TIMEOUT_S = 30  # of one request
PAUSE_S = 0.05
VERSIONS_OF_A_ROOM = 900


class _Unanswered(Exception):
    """The server says that it could not save it in time; it may yet be saved."""


class Historian:
    """Writes a number over REST, keeps versions and goes back to them, one after the other; `may_be` is what may stand
    there now: what was answered, and what was asked and not answered."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.may_be: set[int] = {0}
        self.restored = 0
        self._number = 0
        self._is_made = False

    async def work(self, url: str) -> None:
        """Until the server dies."""
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as client:
            try:
                if not self._is_made:
                    made = await client.post("/api/rooms", json={"room": self.room})
                    _check(made)
                    assert made.status_code in (201, 409), made.text  # made, and died before it said so
                    self._is_made = True
                while True:
                    await self._write(client)
                    kept = (await self._ask(client, "versions", {"name": "kept"})).json()["id"]
                    before = self._number
                    await self._write(client)
                    self.may_be.add(before)
                    await self._ask(client, f"versions/{kept}/restore", {})
                    self.may_be = {before}
                    self.restored += 1
                    if self.restored == VERSIONS_OF_A_ROOM:  # it keeps a thousand at most
                        return
                    await anyio.sleep(PAUSE_S)
            except (httpx.TransportError, _Unanswered):
                return

    async def _write(self, client: httpx.AsyncClient) -> None:
        self._number += 1
        self.may_be.add(self._number)
        headers = {"content-type": "application/merge-patch+json"}
        body = json.dumps({"meta": {"n": self._number}})
        answer = await client.patch(f"/api/rooms/{self.room}/doc", content=body, headers=headers)
        _check(answer)
        assert answer.status_code == 200, answer.text
        self.may_be = {self._number}

    async def _ask(self, client: httpx.AsyncClient, path: str, body: dict[str, str]) -> httpx.Response:
        answer = await client.post(f"/api/rooms/{self.room}/{path}", json=body)
        _check(answer)
        assert answer.status_code < 300, answer.text
        return answer


def _check(answer: httpx.Response) -> None:
    if answer.status_code == 503:
        raise _Unanswered(answer.text)
