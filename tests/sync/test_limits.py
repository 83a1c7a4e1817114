"""How much one person may do (docs/spec.md, A10, A11): each limit, and that honest work is not hit by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from pycrdt import Doc, Map
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sync import limits
from sync.auth import MAX_TOKEN_BYTES, Access, Authority, NotAllowed
from sync.guests import Guests, address_of
from sync.limits import COST, Account, Bucket, Buckets, Spending
from sync.live import Agent
from sync.members import Holder, Member
from sync.presence import ConnectionId, Identity, Presence
from sync.protocol import (
    AwarenessEntry,
    ClientId,
    CloseCode,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    encode,
)
from sync.rooms import Rejected
from sync.settings import Settings
from tests.support.party import FakeSocket, Party, edit, party, shapes
from tests.support.server import Server

SECRET = "a secret of thirty-two bytes or more"
MINUTE_S = 60.0


# buckets


def test_a10_a_bucket_gives_what_it_holds_at_once_and_then_what_flows_in() -> None:
    bucket = Bucket(100, 10)
    bucket.left -= 1_000
    assert bucket.left == 0
    for _ in range(10):
        bucket.fill(0.1)
    assert bucket.left == 100
    bucket.fill(1e6)
    assert bucket.left == bucket.most == 1_000


def test_a10_without_a_limit_nothing_ever_runs_out() -> None:
    spending = Spending(Account(Bucket(0, 0)), None)
    spending.updates.left -= 10**9 * COST
    spending.account.growth.left -= 10**15
    assert not spending.beat(1.0, 10**9)
    assert spending.refusal is None
    assert spending.updates.left > 0


def test_a10_many_updates_in_one_frame_count_as_many() -> None:
    spending = Spending(Account(Bucket(0, 0)), Settings())
    spending.updates.left -= COST  # one frame ...
    spending.beat(1.0, 5_000)  # ... with 5 000 updates
    assert spending.updates.left < 0
    other = Spending(Account(Bucket(0, 0)), Settings())
    for second in range(1, 20):  # 150 frames with two updates each: 300 a second, 100 more than flow in
        other.updates.left -= 150 * COST
        other.beat(1.0, second * 300)
    assert other.updates.left == (2_000 - 19 * 100) * COST


def test_a10_keys_have_buckets_of_their_own_and_the_longest_known_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_KEYS", 3)
    buckets = Buckets(1, 2)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert buckets.take("b", 0.0)
    assert buckets.take("a", 1.0)
    assert not buckets.take("a", 1.0)
    assert all(buckets.take(None, 1.0) for _ in range(10)), "who is nobody is not counted"
    for other in "cdefg":
        buckets.take(other, 1.0)
    assert len(buckets._known) == 3


def test_a10_honest_work_is_far_from_every_limit() -> None:
    """A person who was offline for a day brings 3 MB; the largest step 2 that is taken has 4 MiB."""
    settings = Settings()
    guests = Guests(Settings(secret=SECRET))
    spending = guests.enter("r", Holder(Access("ann", None, "write")), None)
    spending.account.growth.left -= 3 * 10**6 + settings.max_message_bytes
    assert spending.refusal is None
    spending.updates.left -= 1_500 * COST  # an undo of everything, one update a shape
    assert spending.updates.left > 0


def test_a10_a_person_has_one_account_over_all_pages_and_it_is_forgotten_when_all_has_flowed_back() -> None:
    guests = Guests(Settings(secret=SECRET))
    ann, ben = Holder(Access("ann", None, "write")), Holder(Access("ben", None, "write"))
    one, two, other = guests.enter("r", ann, None), guests.enter("s", ann, None), guests.enter("r", ben, None)
    one.account.growth.left -= 10 * 2**20
    assert two.account is one.account
    assert other.account is not one.account
    guests.leave("r", ann, one)
    guests.leave("s", ann, two)
    guests.fill(MINUTE_S)
    assert guests.enter("r", ann, None).account is one.account, "leaving and coming back is no way round it"
    guests.leave("r", ann, one)
    guests.fill(60 * MINUTE_S)
    assert guests.enter("r", ann, None).account is not one.account


def test_a10_an_assistant_with_a_token_for_it_and_people_at_their_own_machine_are_not_limited() -> None:
    agent, of_agent = Agent("assistant", 1), Holder(Access(None, None, "agent"))
    assert Guests(Settings(secret=SECRET)).enter("r", of_agent, agent).updates.most == limits.UNLIMITED
    assert Guests(Settings(secret=SECRET)).enter("r", of_agent, None).updates.most < limits.UNLIMITED
    assert Guests(Settings(secret=SECRET)).enter("r", Holder(), agent).updates.most == limits.UNLIMITED
    public = Settings(host="0.0.0.0", insecure=True)
    assert Guests(public).enter("r", Holder(), agent).updates.most < limits.UNLIMITED, "anybody may take a lease"
    assert Guests(Settings()).enter("r", Holder(), None).updates.most == limits.UNLIMITED


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("127.0.0.1", None),
        ("127.9.9.9", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("10.1.2.3", None),
        ("testclient", None),
        ("", None),
    ],
)
def test_a10_an_address_is_one_machines_or_one_customers(address: str, counted: str | None) -> None:
    settings = Settings(trusted_proxies=("10.0.0.0/8",))
    assert address_of(HTTPConnection({"type": "http", "headers": [], "client": (address, 1)}), settings) == counted
    assert address_of(HTTPConnection({"type": "http", "headers": [], "client": None}), settings) is None


# connections


@asynccontextmanager
async def public(**settings: Any) -> AsyncIterator[Party]:
    async with party(secret=SECRET, keep_alive_s=0.4, **settings) as guests:  # looks at its connections every 50 ms
        yield guests


def join(guests: Party, user: str = "ann") -> FakeSocket:
    holder = Holder(Access(user, None, "write"))
    return guests.join(member=Member(Identity(user), hears_events=True, holder=holder))


@pytest.mark.anyio
async def test_a10_who_is_too_quick_is_read_more_slowly_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UPDATES_BURST_S", 1)
    async with public(max_updates_per_s=20) as guests:
        socket = join(guests)
        socket.say(SyncStep1({}))
        for number in range(40):
            socket.say(edit(2**21 + number, f"s{number}"))
        socket.say(SyncStatus(b"all"))
        await socket.hear(SyncStep2)
        while len(found := await shapes(guests.hub)) < 20:
            await anyio.sleep(0.01)
        assert len(found) < 40, "all were taken at once"
        assert (await socket.hear(SyncStatus)).content == b"all"
        assert len(await shapes(guests.hub)) == 40


@pytest.mark.anyio
async def test_a10_who_stays_too_quick_is_asked_to_come_back_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UPDATES_BURST_S", 1)
    monkeypatch.setattr(limits, "HELD_S", 0.2)
    async with public(max_updates_per_s=2) as guests:
        mallory, ann = join(guests, "mallory"), join(guests)
        for number in range(900):
            mallory.say(edit(2**21 + number, f"s{number}"))
        assert await mallory.goodbye() == (CloseCode.TOO_MANY_REQUESTS, limits.TOO_QUICK)
        ann.say(edit(2**22), SyncStatus(b"1"))
        await ann.hear(SyncStatus)


@pytest.mark.anyio
async def test_a10_who_adds_too_much_may_only_read_for_a_while_and_is_then_asked_for_it() -> None:
    async with public(max_growth_bytes_per_minute=600) as guests:  # 9 600 at once, 10 a second
        ann, ben = join(guests), join(guests, "ben")
        for socket in (ann, ben):
            socket.say(SyncStep1({}))
            await socket.hear(SyncStep2)
        big = Update(long_text(2**21, 9_700))
        ann.say(big)
        assert (await ann.hear_event("access"))["reason"] == limits.GREW_TOO_MUCH
        assert (await ann.hear_event("refused"))["reason"] == limits.GREW_TOO_MUCH
        ben.say(edit(2**22), SyncStatus(b"1"))
        await ben.hear(SyncStatus)
        assert set(await shapes(guests.hub)) == {"a"}, "one person's limit is no other's"
        guests.hub.guests.fill(2 * MINUTE_S)
        assert (await ann.hear_event("access"))["access"] == "write"
        await ann.hear(SyncStep1)
        ann.say(SyncStep2(edit(2**23, "later").update), SyncStatus(b"2"))
        await ann.hear(SyncStatus)
        assert set(await shapes(guests.hub)) == {"a", "later"}


@pytest.mark.anyio
async def test_a10_checking_costs_too_and_the_one_who_makes_it_costly_pays() -> None:
    async with public(max_work_s_per_minute=1e-6) as guests:
        ann, ben = join(guests), join(guests, "ben")
        ann.say(Update(long_text(2**21, 3_000)), edit(2**22))
        assert (await ann.hear_event("access"))["reason"] == limits.WORKED_TOO_MUCH
        ben.say(edit(2**23), SyncStatus(b"1"))
        await ben.hear(SyncStatus)


def long_text(client: int, size: int) -> bytes:
    doc: Doc[Any] = Doc(client_id=client)
    doc.get("shapes", type=Map)["long"] = Map({"text": "x" * size})
    return doc.get_update()


@pytest.mark.anyio
async def test_a10_a_person_has_so_many_places_in_a_room() -> None:
    async with public(max_user_connections=2) as guests:
        first = [join(guests) for _ in range(2)]
        for socket in first:
            await socket.hear(SyncStep1)
        assert await join(guests).goodbye() == (CloseCode.TOO_MANY_CONNECTIONS, limits.OPEN_TOO_OFTEN)
        await join(guests, "ben").hear(SyncStep1)
        first[0].hang_up()
        with anyio.fail_after(5):
            while guests.hub.people("r") > 2:
                await anyio.sleep(0.01)
        await join(guests).hear(SyncStep1)


@pytest.mark.anyio
async def test_a10_a_person_makes_so_many_rooms_a_minute_and_enters_others_as_before() -> None:
    async with public(max_new_rooms_per_minute=1) as guests:
        member = Member(Identity("ann"), holder=Holder(Access("ann", None, "write")))
        for room in ("a", "b"):  # two minutes' worth at once
            await guests.join(room, member).hear(SyncStep1)
        refused = await guests.join("c", member).goodbye()
        assert refused == (CloseCode.TOO_MANY_REQUESTS, limits.TOO_MANY_ROOMS)
        await guests.join("a", member).hear(SyncStep1)
        await guests.join("c", Member(holder=Holder(Access("ben", None, "write")))).hear(SyncStep1)


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"max_shapes": 2}, "shapes"), ({"max_client_ids": 2}, "writers"), ({"max_board_bytes": 60}, "MiB")],
)
@pytest.mark.anyio
async def test_a11_a_room_that_is_full_is_read_only_for_all_and_says_why(settings: dict[str, int], word: str) -> None:
    async with public(**settings) as guests:
        ann = join(guests)
        for number in range(3):
            ann.say(edit(2**21 + number, f"s{number}"))
        assert word in (await ann.hear_event("access"))["reason"]
        late = join(guests, "ben")
        late.say(SyncStep1({}))
        await late.hear(SyncStep2)
        assert word in (await late.hear_event("access"))["reason"]
        late.say(edit(2**22, "more"))
        assert word in (await late.hear_event("refused"))["reason"]
        with pytest.raises(Rejected, match=word):
            await guests.hub.edit("r", lambda doc: doc.get("shapes", type=Map).update({"b": Map()}), "api")
        assert len(await shapes(guests.hub)) == 3


# presence


def test_a10_presence_beyond_the_limit_is_thinned_to_the_last_state_of_each() -> None:
    presence = Presence()
    presence.max_states = 3
    ann, ben = ConnectionId(1), ConnectionId(2)
    told = [
        presence.receive(ann, (AwarenessEntry(ClientId(7), clock, f'{{"x":{clock}}}'),), Identity())
        for clock in range(1, 10)
    ]
    assert [len(entries) for entries in told] == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert presence.receive(ben, (AwarenessEntry(ClientId(8), 1, "{}"),), Identity()), "one's limit is no other's"
    assert [entry.state for entry in presence.tick()] == ['{"x":9}']
    assert presence.tick() == ()
    assert presence.receive(ann, (AwarenessEntry(ClientId(7), 10, "{}"),), Identity())


def test_a10_who_leaves_is_not_brought_back_by_what_had_to_wait() -> None:
    presence = Presence()
    presence.max_states = 1
    for clock in (1, 2):
        presence.receive(ConnectionId(1), (AwarenessEntry(ClientId(7), clock, "{}"),), Identity())
    assert [entry.state for entry in presence.disconnect(ConnectionId(1))] == ["null"]
    assert presence.tick() == ()
    for clock in (3, 4):
        presence.receive(ConnectionId(2), (AwarenessEntry(ClientId(8), clock, "{}"),), Identity())
    assert presence.receive(ConnectionId(2), (AwarenessEntry(ClientId(8), 5, "null"),), Identity())
    assert presence.tick() == ()


def test_a10_what_waits_of_presence_is_bounded() -> None:
    presence = Presence()
    presence.max_states = 1
    entries = tuple(AwarenessEntry(ClientId(number), 1, "{}") for number in range(5_000))
    assert len(presence.receive(ConnectionId(1), entries, Identity())) == 1
    assert presence.refused > 3_000


# addresses and handshakes, at the real server


def server(tmp_path: Path, **environ: str) -> Server:
    return Server(tmp_path / "data", environ=environ)


async def code_of(url: str, **options: Any) -> int | None:
    """How a server that will not have us says so; None when it speaks."""
    async with connect(url, **options) as socket:
        try:
            with anyio.fail_after(20):
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 0
    return None


@pytest.mark.anyio
async def test_a10_an_address_connects_so_often_and_a_proxy_says_for_whom_it_asks(tmp_path: Path) -> None:
    with server(tmp_path, COPLAYER_MAX_CONNECTS_PER_S="1", COPLAYER_MAX_NEW_ROOMS_PER_MINUTE="1") as running:
        far = {"x-forwarded-for": "203.0.113.7"}
        codes = [await code_of(f"{running.sync_url}/r", additional_headers=far) for _ in range(45)]
        assert CloseCode.TOO_MANY_REQUESTS in codes[limits.CONNECTS_BURST_S :]
        assert set(codes[: limits.CONNECTS_BURST_S]) == {None}
        assert await code_of(f"{running.hocuspocus_url}", additional_headers=far) in (None, CloseCode.TOO_MANY_REQUESTS)
        other = {"x-forwarded-for": "203.0.113.8"}
        assert await code_of(f"{running.sync_url}/r", additional_headers=other) is None
        assert await code_of(f"{running.sync_url}/r") is None, "this machine itself is not counted"


def test_a10_over_http_the_next_room_gets_429(tmp_path: Path) -> None:
    with server(tmp_path, COPLAYER_MAX_NEW_ROOMS_PER_MINUTE="1", COPLAYER_SECRET=SECRET) as running:
        token = Authority(SECRET).mint(Access("ann", None, "write", "*"), time.time(), 600)
        headers = {"authorization": f"Bearer {token}"}
        made = [httpx.post(f"{running.url}/api/rooms", headers=headers, timeout=30).status_code for _ in range(4)]
        assert made == [201, 201, 429, 429]


@pytest.mark.parametrize("raw", ["0", "1"])
@pytest.mark.anyio
async def test_a10_a_real_socket_that_is_read_more_slowly_loses_nothing(tmp_path: Path, raw: str) -> None:
    environ = {"COPLAYER_MAX_UPDATES_PER_S": "50", "COPLAYER_SECRET": SECRET, "COPLAYER_RAW_TRANSPORT": raw}
    with server(tmp_path, **environ) as running:
        token = Authority(SECRET).mint(Access("ann", None, "write", "*"), time.time(), 600)
        async with connect(f"{running.sync_url}/r?token={token}&coplayer=1") as socket:
            for number in range(600):  # 500 at once
                await socket.send(encode(edit(2**21 + number, f"s{number}")))
            await socket.send(encode(SyncStatus(b"all")))
            with anyio.fail_after(30):
                while encode(SyncStatus(b"all")) not in bytes(await socket.recv(decode=False)):
                    pass
        document = httpx.get(f"{running.url}/api/rooms/r/doc", headers={"authorization": f"Bearer {token}"}, timeout=30)
        assert len(document.json()["shapes"]) == 600


@pytest.mark.anyio
async def test_a10_a_socket_that_signs_in_to_nothing_is_closed(tmp_path: Path) -> None:
    with server(tmp_path, COPLAYER_SIGN_IN_S="0.3") as running:
        async with connect(running.hocuspocus_url) as socket:
            with anyio.fail_after(20):
                try:
                    while True:
                        await socket.recv()
                except ConnectionClosed as closed:
                    assert closed.rcvd is not None
                    assert closed.rcvd.code == CloseCode.UNAUTHORIZED


@pytest.mark.anyio
async def test_a10_a_head_that_drips_in_loses_its_connection_and_one_that_is_done_does_not(tmp_path: Path) -> None:
    with server(tmp_path, COPLAYER_HANDSHAKE_S="0.5") as running:
        host, port = running.url.removeprefix("http://").split(":")
        with anyio.fail_after(30):
            for begun in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(begun)
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1)
                writer.close()
            reader, writer = await asyncio.open_connection(host, int(port))
            clock = asyncio.get_running_loop().time
            began = clock()
            while clock() < began + 0.7:  # for longer than one head may take
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
            writer.write(b"GET /healthz")  # the next one drips
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()


def test_a10_a_token_has_8_kib_at_most() -> None:
    authority = Authority(SECRET)
    fits = authority.mint(Access("a" * 5_000, None, "write"), 0.0, 60)
    assert len(fits) < MAX_TOKEN_BYTES
    assert authority.access(fits, 1.0).user
    with pytest.raises(NotAllowed, match="too long"):
        authority.access(authority.mint(Access("a" * 7_000, None, "write"), 0.0, 60), 1.0)
