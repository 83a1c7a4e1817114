"""Access that is taken back (docs/spec.md, A9): from whom, at once, on open connections, over a restart."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sync import admission
from sync.auth import Access, Authority, NotAllowed, Role
from sync.members import Holder, Member
from sync.memory_store import MemoryStore
from sync.presence import Identity
from sync.protocol import (
    Awareness,
    AwarenessEntry,
    ClientId,
    CloseCode,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
)
from sync.revocations import NOW_READ_ONLY, TAKEN_BACK, Level, Revocation, Revocations
from tests.support.party import FakeSocket, Party, edit, party, shapes
from tests.support.server import Server

SECRET = "a secret of thirty-two bytes or more"
AT = 1_000_000  # milliseconds


def revocation(
    room: str = "*", user: str | None = None, token: str | None = None, access: Level = "none"
) -> Revocation:
    return Revocation("1", room, user, token, access, AT, 2 * AT)


def access(user: str | None = "ann", role: Role = "write", issued_at: float = 999.0, token: str = "t") -> Access:
    return Access(user, None, role, "*", issued_at=issued_at, token=token)


@pytest.mark.parametrize(
    ("taken", "who", "room", "applies"),
    [
        (revocation(user="ann"), access(), "r", True),
        (revocation(user="ann"), access("ben"), "r", False),
        (revocation(user="ann"), access(None), "r", False),
        (revocation(user="ann"), access(issued_at=1000.5), "r", False),
        (revocation(user="ann"), Access("ann", None, "write"), "r", True),
        (revocation("team/*", user="ann"), access(), "team/a", True),
        (revocation("team/*", user="ann"), access(), "other", False),
        (revocation(token="t"), access(issued_at=1000.5), "r", True),
        (revocation(token="t"), access(token="u"), "r", False),
        (revocation("r"), access("ben"), "r", True),
        (revocation("r"), access("ben", "admin"), "r", False),
        (revocation("r"), access("ben", issued_at=1001.0), "r", False),
        (revocation("r"), access("ben"), "r2", False),
    ],
)
def test_a9_it_is_about_tokens_made_before_and_about_whom_it_names(
    taken: Revocation, who: Access, room: str, applies: bool
) -> None:
    revocations = Revocations()
    revocations.replace([taken])
    assert taken.applies(who, room) is applies
    if applies:
        with pytest.raises(NotAllowed) as refused:
            revocations.judge(who, room)
        assert refused.value.code == CloseCode.FORBIDDEN
    else:
        assert revocations.judge(who, room) == who


def test_a9_of_two_the_stricter_counts() -> None:
    revocations = Revocations()
    less = Revocation("2", "r", "ann", None, "read", AT, 2 * AT)
    revocations.replace([less])
    assert revocations.judge(access(), "r").role == "read"
    revocations.replace([less, revocation(user="ann")])
    with pytest.raises(NotAllowed):
        revocations.judge(access(), "r")


def join(guests: Party, user: str, **of_access: Any) -> FakeSocket:
    member = Member(Identity(user), hears_events=True, holder=Holder(access(user, **of_access)))
    return guests.join(member=member)


@pytest.mark.anyio
async def test_a9_an_open_connection_is_closed_at_once_and_no_other_is() -> None:
    async with party() as guests:
        ann, ben = join(guests, "ann"), join(guests, "ben")
        for socket in (ann, ben):
            socket.say(SyncStep1({}))
            await socket.hear(SyncStep2)
        await guests.hub.admission.revoke("r", "ann", None, "none")
        assert await ann.goodbye() == (CloseCode.FORBIDDEN, TAKEN_BACK)
        ben.say(edit(), SyncStatus(b"1"))
        await ben.hear(SyncStatus)
        assert ben.closed is None


@pytest.mark.anyio
async def test_a9_a_writer_becomes_a_reader_and_a_writer_again_on_the_same_connection() -> None:
    async with party() as guests:
        ann, ben = join(guests, "ann"), join(guests, "ben")
        for socket in (ann, ben):
            socket.say(SyncStep1({}))
            await socket.hear(SyncStep2)
        taken = await guests.hub.admission.revoke("*", "ann", None, "read")
        assert (await ann.hear_event("access"))["access"] == "read"
        ann.say(edit(), SyncStatus(b"1"), Awareness((AwarenessEntry(ClientId(2**21), 1, "{}"),)))
        assert (await ann.hear_event("refused"))["reason"] == NOW_READ_ONLY
        assert (await ben.hear(Awareness)).entries[0].client == 2**21, "a reader is seen"
        assert await shapes(guests.hub) == {}
        await guests.hub.admission.unrevoke(taken.id)
        assert await ann.hear_event("access") == {"type": "access", "access": "write"}
        await ann.hear(SyncStep1)  # what was refused is asked for
        ann.say(SyncStep2(edit().update), SyncStatus(b"2"))
        await ben.hear(Update)
        assert set(await shapes(guests.hub)) == {"a"}


@pytest.mark.anyio
async def test_a9_what_another_process_took_back_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "POLL_S", 0.01)
    store = MemoryStore()
    async with party(store) as here, party(store) as there:
        ann = join(here, "ann")
        await ann.hear(SyncStep1)
        await there.hub.admission.revoke("*", None, "t", "none")
        assert (await ann.goodbye())[0] == CloseCode.FORBIDDEN


class Guarded:
    """A real server that asks for tokens, and what it says."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.admin = Authority(SECRET).mint(Access("boss", None, "admin", "*"), time.time(), 600)

    def call(self, method: str, path: str, body: object = None, token: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {token or self.admin}"}
        return httpx.request(method, self.server.url + path, json=body, headers=headers, timeout=30)

    def link(self, access: Role, user: str) -> tuple[str, str]:
        """(token, id)"""
        made = self.call("POST", "/api/rooms/r/tokens", {"access": access, "user": user}).json()
        return made["token"], made["id"]

    def socket(self, token: str) -> connect:
        return connect(f"{self.server.sync_url}/r?token={token}&coplayer=1")


async def goodbye(socket: ClientConnection) -> int | None:
    with anyio.fail_after(20):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else None


@pytest.fixture
def guarded(tmp_path: Path) -> Any:
    with Server(tmp_path / "data", environ={"COPLAYER_SECRET": SECRET}) as server:
        yield Guarded(server)


@pytest.mark.anyio
async def test_a9_a_link_taken_back_closes_its_sockets_and_stays_so_after_a_restart(guarded: Guarded) -> None:
    link, number = guarded.link("write", "ann")
    other, _ = guarded.link("write", "ann")
    async with guarded.socket(link) as ann, guarded.socket(other) as too:
        await ann.recv()
        made = guarded.call("POST", "/api/revocations", {"token": number})
        assert made.status_code == 201
        assert await goodbye(ann) == CloseCode.FORBIDDEN
        await too.recv()
    assert guarded.call("GET", "/api/rooms/r/doc", token=link).status_code == 403
    assert guarded.call("GET", "/api/rooms/r/doc", token=other).status_code == 200
    guarded.server.stop()
    guarded.server.start()
    assert guarded.call("GET", "/api/rooms/r/doc", token=link).status_code == 403
    listed = guarded.call("GET", "/api/revocations").json()["revocations"]
    assert [(one["token"], one["access"]) for one in listed] == [(number, "none")]
    assert guarded.call("DELETE", made.headers["location"]).status_code == 204
    assert guarded.call("GET", "/api/rooms/r/doc", token=link).status_code == 200


@pytest.mark.anyio
async def test_a9_from_everybody_means_not_from_admins_and_not_from_who_is_asked_again(guarded: Guarded) -> None:
    guarded.call("POST", "/api/rooms", {"room": "r"})
    link, _ = guarded.link("write", "ann")
    assert guarded.call("POST", "/api/revocations", {"room": "r", "access": "read"}).status_code == 201
    assert guarded.call("PATCH", "/api/rooms/r", {"title": "No"}, token=link).status_code == 403
    assert guarded.call("GET", "/api/rooms/r", token=link).status_code == 200
    assert guarded.call("PATCH", "/api/rooms/r", {"title": "Yes"}).status_code == 200
    again, _ = guarded.link("write", "ann")
    assert guarded.call("PATCH", "/api/rooms/r", {"title": "Too"}, token=again).status_code == 200
    async with guarded.socket(link) as ann:
        joined = await ann.recv()
        assert isinstance(joined, bytes)
        assert json.loads(joined[joined.index(b"{") :])["access"] == "read"


def test_a9_only_an_admin_takes_back_and_only_where_the_token_reaches(guarded: Guarded) -> None:
    writer, _ = guarded.link("write", "ann")
    assert guarded.call("POST", "/api/revocations", {"user": "ben"}, token=writer).status_code == 403
    admin = guarded.call("POST", "/api/rooms/r/tokens", {"access": "admin"}).json()["token"]
    assert guarded.call("POST", "/api/revocations", {"user": "ben", "room": "*"}, token=admin).status_code == 403
    assert guarded.call("POST", "/api/revocations", {"user": "ben", "room": "r*"}, token=admin).status_code == 403
    made = guarded.call("POST", "/api/revocations", {"user": "ben"}, token=admin)
    assert (made.status_code, made.json()["room"]) == (201, "r")
    for wrong in ({}, {"user": "a", "token": "b"}, {"user": "a", "access": "write"}):
        assert guarded.call("POST", "/api/revocations", wrong).status_code == 422, wrong
    assert guarded.call("DELETE", "/api/revocations/00").status_code == 404
