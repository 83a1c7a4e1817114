"""The server's rooms as a worker sees them: where people are, where work waits, and the lease for a room. HTTP only."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import anyio
import httpx2

from agent.settings import is_local
from sync import tracing

SIGN_OF_LIFE_S = 45.0  # the server sends something every 15 s; after three of these it is not there
REQUEST_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
RENEW_EVERY_S = 10.0  # a third of the lease


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """A room that may need the assistant."""

    room: str
    people: int
    is_wanted: bool

    @property
    def is_active(self) -> bool:
        """Whether the assistant should be there."""
        return self.people > 0 or self.is_wanted


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work in a room. The epoch is the assistant's client id and its fencing token."""

    epoch: int
    expires_in_s: float


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker has the room."""

    retry_in_s: float


class ServerAway(Exception):
    """The server cannot be reached or is not itself; try again later."""


class Refused(Exception):
    """The server said no for good; the message is a sentence for people."""


class Rooms:
    """A client of the server's rooms. Use it as a context manager."""

    def __init__(self, server: str, token: str, slot: str, holder: str) -> None:
        self._server = server
        self._token = token
        self._slot = slot
        self._holder = holder
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx2.AsyncClient(
            base_url=server,
            headers=headers,
            timeout=REQUEST_TIMEOUT_S,
            trust_env=not is_local(server),
            event_hooks={"request": [_pass_on]},
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):  # who is cancelled still closes its sockets
            await self._client.__aexit__(kind, error, trace)

    async def follow(self) -> AsyncGenerator[RoomEvent, None]:
        """Every active room, then every change, until the connection ends. Raises ServerAway, Refused."""
        timeout = httpx2.Timeout(REQUEST_TIMEOUT_S, read=SIGN_OF_LIFE_S)
        try:
            query = {"agent": self._slot}
            async with self._client.stream("GET", "/api/rooms/events", params=query, timeout=timeout) as answer:
                if answer.status_code in (401, 403):
                    raise Refused("The server does not let this assistant in. Give it a token: COPLAYER_TOKEN.")
                if answer.status_code != 200:
                    raise ServerAway(f"the server answers {answer.status_code}")
                async for line in answer.aiter_lines():
                    event = _event(line)
                    if event is not None:
                        yield event
        except httpx2.HTTPError as error:
            raise ServerAway(str(error) or type(error).__name__) from error

    async def take(self, room: str) -> Lease | Busy:
        """Take the lease of a room, or renew it. Raises ServerAway, Refused (no such room, not allowed)."""
        answer = await self._send("POST", room, {"agent": self._slot, "holder": self._holder})
        body = _object(answer)
        if answer.status_code == 409:
            return Busy(float(body.get("retry_in_s") or 5.0))
        return Lease(int(body["epoch"]), float(body["expires_in_s"]))

    async def release(self, room: str, *, is_done: bool) -> None:
        """Give the lease back; `is_done`: nothing unfinished is left. Raises ServerAway, Refused."""
        await self._send("DELETE", room, {"agent": self._slot, "holder": self._holder, "done": is_done})

    async def keep(self, room: str, lease: Lease) -> None:
        """Renew the lease as long as it is ours. Returns when it is lost for certain."""
        kept_until = anyio.current_time() + lease.expires_in_s
        while anyio.current_time() < kept_until:
            await anyio.sleep(min(RENEW_EVERY_S, lease.expires_in_s / 3))
            asked_at = anyio.current_time()
            try:
                renewed = await self.take(room)
            except ServerAway:
                continue
            if isinstance(renewed, Busy) or renewed.epoch != lease.epoch:
                return
            kept_until = asked_at + renewed.expires_in_s

    async def make(self, room: str) -> None:
        """Make the room unless there is one. Raises ServerAway, Refused."""
        try:
            answer = await self._client.post("/api/rooms", json={"room": room})
        except httpx2.HTTPError as error:
            raise ServerAway(str(error) or type(error).__name__) from error
        if answer.status_code >= 500:
            raise ServerAway(f"the server answers {answer.status_code}")
        if answer.status_code not in (201, 409):
            raise Refused(f"{room}: {_detail(answer)}")

    def sync_url(self, room: str) -> str:
        """Where the room is joined as a peer."""
        server = urlsplit(self._server)
        scheme = "wss" if server.scheme == "https" else "ws"
        return f"{scheme}://{server.netloc}{server.path.rstrip('/')}/sync/{quote(room, safe='/')}"

    def sync_query(self, lease: Lease) -> dict[str, str]:
        """What a peer under this lease says of itself."""
        query = {"coplayer": "1", "agent": self._slot, "epoch": str(lease.epoch)}
        return {**query, **({"token": self._token} if self._token else {})}

    async def _send(self, method: str, room: str, body: dict[str, object]) -> httpx2.Response:
        try:
            answer = await self._client.request(method, f"/api/rooms/{quote(room, safe='/')}/lease", json=body)
        except httpx2.HTTPError as error:
            raise ServerAway(str(error) or type(error).__name__) from error
        if answer.status_code in (401, 403, 404):
            raise Refused(f"{room}: the server answers {answer.status_code}")
        if answer.status_code >= 400 and answer.status_code != 409:
            raise ServerAway(f"the server answers {answer.status_code}")
        return answer


def _event(line: str) -> RoomEvent | None:
    if not line.startswith("data:"):
        return None
    try:
        data = json.loads(line[5:])
        return RoomEvent(str(data["room"]), int(data["people"]), bool(data["wanted"]))
    except (ValueError, KeyError, TypeError):
        return None


async def _pass_on(request: httpx2.Request) -> None:
    tracing.pass_on(request.headers)


def _object(answer: httpx2.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ServerAway("the server's answer is no JSON object")
    return body


def _detail(answer: httpx2.Response) -> str:
    try:
        detail = answer.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    return detail if isinstance(detail, str) else f"the server answers {answer.status_code}"


async def first_of(*waits: Callable[[], Awaitable[None]]) -> None:
    """Run all, return when the first returns; the others are cancelled."""
    async with anyio.create_task_group() as tasks:

        async def one(wait: Callable[[], Awaitable[None]]) -> None:
            await wait()
            tasks.cancel_scope.cancel()

        for wait in waits:
            tasks.start_soon(one, wait)
