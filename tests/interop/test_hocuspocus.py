"""@hocuspocus/provider 4.8.0 and 3.4.4, unmodified, against the real server. Rules: docs/spec.md, section H."""

from __future__ import annotations

import httpx
import pytest
from anyio.to_thread import run_sync

from tests.interop.people import People
from tests.interop.yjs_client import Types
from tests.support.server import Server

pytestmark = pytest.mark.anyio

SHAPES: Types = {"shapes": "map"}
VERSIONS = (4, 3)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> int:
    """Of the provider."""
    return int(request.param)


async def test_h3_a_document_opens_with_the_scope_of_its_token(people: People, version: int) -> None:
    client = await people.join_h(version)
    state = await client.state()
    assert (state["authenticated"], state["scope"], state["denials"]) == (True, "read-write", [])


async def test_h1_edits_go_both_ways(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.join_h(version)
    await one.set("shapes", (["a"], "x", 1))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
    await two.set("shapes", (["a"], "y", 2))
    await one.until_reads(SHAPES, {"shapes": {"a": {"x": 1, "y": 2}}})


async def test_h6_a_stateless_message_reaches_everybody_else_in_order(people: People, version: int) -> None:
    one, two, three = [await people.join_h(version) for _ in range(3)]
    for number in range(20):
        await one.send_stateless(f"message {number}")
    wanted = [f"message {number}" for number in range(20)]
    for client in (two, three):
        await client.until_state(lambda state: state["heard"] == wanted)
    assert (await one.state())["heard"] == []


async def test_h2_a_stateless_message_from_before_the_connection_arrives(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.hocuspocus(version)
    await two.connect(people.server.hocuspocus_url, people.room)
    await two.send_stateless("early")  # the provider queues it, and sends it before its token
    await one.until_state(lambda state: state["heard"] == ["early"])


async def test_h9_documents_of_one_schema_or_another_sync_whole(people: People, version: int) -> None:
    types: Types = {"note": "text", "list": "array", "page": "xml"}
    one, two = await people.join_h(version), await people.join_h(version)
    await one.insert_text("note", 0, "héllo 🌍", {"bold": True})
    await one.insert_items("list", 0, [1, {"deep": [None, "two"]}])
    await one.insert_element("page", "p", "words")
    await two.until_reads(types, {"note": "héllo 🌍", "list": [1, {"deep": [None, "two"]}], "page": "<p>words</p>"})


async def test_h1_a_late_joiner_gets_everything(people: People, version: int) -> None:
    one = await people.join_h(version)
    await one.set("shapes", *[((f"s{n}",), "x", n) for n in range(200)])
    await one.until_saved()
    two = await people.join_h(version)
    assert await two.read(SHAPES) == {"shapes": {f"s{n}": {"x": n} for n in range(200)}}


async def test_h1_edits_made_offline_on_both_sides_reconcile(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.join_h(version)
    await one.set("shapes", (["a"], "x", 0), (["a"], "y", 0))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 0, "y": 0}}})
    await one.go_offline()
    await one.until_state(lambda state: not state["connected"])
    await one.set("shapes", (["a"], "x", 10), (["b"], "x", 1))
    await two.set("shapes", (["a"], "y", 20), (["c"], "x", 2))
    await one.go_online()
    for client in (one, two):
        await client.until_reads(SHAPES, {"shapes": {"a": {"x": 10, "y": 20}, "b": {"x": 1}, "c": {"x": 2}}})


async def test_h5_the_counter_of_unsynced_changes_goes_back_to_0(people: People, version: int) -> None:
    client = await people.join_h(version)
    await client.until_saved()
    await client.set("shapes", (["a"], "x", 1))
    await client.set("shapes", (["a"], "x", 2))
    await client.until_saved()
    assert max((await client.state())["was_unsynced"]) >= 1


async def test_h5_a_burst_of_2_000_updates_is_acknowledged_one_by_one(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.join_h(version)
    await one.count_up("count", "n", 2_000)
    await two.until_reads({"count": "map"}, {"count": {"n": 2_000}})
    await one.until_saved()
    state = await one.state()
    assert (max(state["was_unsynced"]) >= 2_000, state["closes"]) == (True, [])


async def test_h5_what_counts_as_synced_survives_sigkill(server: Server, people: People, version: int) -> None:
    mine = People(people.process, server, "plan")
    client = await mine.join_h(version)
    for number in range(20):
        await client.set("shapes", ([f"s{number}"], "x", number))
    await client.until_saved()
    await run_sync(server.kill)
    await client.go_offline()
    await run_sync(server.start)
    other = await mine.join_h(version)
    assert await other.read(SHAPES) == {"shapes": {f"s{n}": {"x": n} for n in range(20)}}


async def test_h5_an_update_with_nothing_new_is_acknowledged(people: People, version: int) -> None:
    one = await people.join_h(version)
    await one.set("shapes", (["a"], "x", 1))
    await one.until_saved()
    await one.force_sync()  # the step 2 that answers the server's step 1 holds what it has already
    await one.until_saved()


async def test_h5_a_forced_sync_brings_the_counter_back(people: People, version: int) -> None:
    client = await people.hocuspocus(version)
    await client.connect(people.server.hocuspocus_url, people.room, forceSyncInterval=30)
    await client.until_synced()
    await client.until_state(lambda state: len(state["was_unsynced"]) > 10)
    await client.until_saved()


async def test_p2_presence_goes_both_ways(people: People, version: int) -> None:
    one, two = await people.hocuspocus(version), await people.hocuspocus(version)
    first = await one.connect(people.server.hocuspocus_url, people.room)
    second = await two.connect(people.server.hocuspocus_url, people.room)
    await one.say_presence({"user": {"name": "Ada"}})
    await two.until_presence(lambda states: states.get(first) == {"user": {"name": "Ada"}})
    await two.say_presence({"cursor": {"x": 1}})
    await one.until_presence(lambda states: states.get(second) == {"cursor": {"x": 1}})
    await two.say_presence(None)
    await one.until_presence(lambda states: second not in states)


async def test_p6_a_client_without_a_word_vanishes_and_is_back_in_under_1_5_s(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.hocuspocus(version)
    back = await two.connect(people.server.hocuspocus_url, people.room)
    await two.say_presence({"user": {"name": "Bo"}})
    await one.until_presence(lambda states: back in states)
    for _ in range(2):
        await two.drop()
        await one.until_presence(lambda states: back not in states, timeout_s=1)
        await one.until_presence(lambda states: states.get(back) == {"user": {"name": "Bo"}}, timeout_s=1.5)


async def test_h7_closing_a_document_takes_its_presence_along(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.hocuspocus(version)
    gone = await two.connect(people.server.hocuspocus_url, people.room)
    await two.say_presence({"user": {"name": "Bo"}})
    await one.until_presence(lambda states: gone in states)
    await two.close_document()
    await one.until_presence(lambda states: gone not in states, timeout_s=1)


async def test_h7_closing_one_document_leaves_the_others_of_its_socket(people: People, version: int) -> None:
    one = await people.join_h(version, share="s")
    two = await people.join_h(version, share="s", room=people.room + "-b")
    peer = await people.join_h(version, room=people.room + "-b")
    await one.set("shapes", (["a"], "x", 1))
    await one.close_document()
    await two.set("shapes", (["b"], "x", 2))
    await two.until_saved()
    await peer.until_reads(SHAPES, {"shapes": {"b": {"x": 2}}})
    assert (await two.state())["closes"] == []


async def test_h7_a_document_that_was_closed_opens_again_on_the_same_socket(people: People, version: int) -> None:
    one = await people.join_h(version, share="s")
    other = await people.join_h(version, share="s", room=people.room + "-b")
    peer = await people.join_h(version)
    for number in range(5):
        await one.close_document()
        await peer.set("shapes", (["a"], "x", number))
        await peer.until_saved()
        await one.open_document()
        await one.until_reads(SHAPES, {"shapes": {"a": {"x": number}}})
        await one.until_saved()
    assert (await other.state())["closes"] == []


async def test_h1_documents_of_one_socket_do_not_mix(people: People, version: int) -> None:
    rooms = [f"{people.room}-{n}" for n in range(10)]
    shared = [await people.join_h(version, share="s", room=room) for room in rooms]
    alone = [await people.join_h(version, room=room) for room in rooms]
    for number, client in enumerate(shared):
        await client.set("shapes", (["a"], "x", number))
        await client.send_stateless(str(number))
    for number, client in enumerate(alone):
        await client.until_reads(SHAPES, {"shapes": {"a": {"x": number}}})
        await client.until_state(lambda state, n=number: state["heard"] == [str(n)])  # type: ignore[misc]  # a default binds it


async def test_h6_a_stateless_message_stays_in_its_room_and_takes_any_text(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.join_h(version)
    elsewhere = await people.join_h(version, room=people.room + "-b")
    text = '{"emoji": "🌍", "quote": "\\"", "zero": "\\u0000"}' + "x" * 10_000
    await one.send_stateless(text)
    await two.until_state(lambda state: state["heard"] == [text])
    assert (await elsewhere.state())["heard"] == []


async def test_h6_clients_do_not_broadcast(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.join_h(version)
    await one.send_bytes(_key(people.room) + b"\x06\x02hi")
    state = await one.until_state(lambda state: bool(state["closes"]))
    assert state["closes"] == [4403]
    assert (await two.state())["heard"] == []


def _key(room: str) -> bytes:
    return bytes([len(room)]) + room.encode()


async def test_h7_a_malformed_frame_closes_its_socket_and_nobody_elses(people: People, version: int) -> None:
    one, two = await people.join_h(version), await people.join_h(version)
    await one.send_bytes(_key(people.room) + b"\x00\x07\xff")
    state = await one.until_state(lambda state: bool(state["closes"]))
    assert state["closes"] == [4400]
    await one.until_synced()  # a provider always comes back
    await one.set("shapes", (["a"], "x", 1))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
    assert (await two.state())["closes"] == []


async def test_h8_a_ping_is_answered(people: People, version: int) -> None:
    client = await people.join_h(version)
    await client.send_bytes(b"\x09")
    await client.set("shapes", (["a"], "x", 1))
    await client.until_saved()


async def test_h3_a_name_that_no_room_has_is_denied_and_the_socket_stays(people: People, version: int) -> None:
    good = await people.join_h(version, share="s")
    bad = await people.hocuspocus(version)
    await bad.connect(people.server.hocuspocus_url, "no such name", share="s")
    state = await bad.until_state(lambda state: bool(state["denials"]))
    assert state["denials"][0].endswith(".")
    await good.set("shapes", (["a"], "x", 1))
    await good.until_saved()
    assert (await good.state())["closes"] == []


async def test_c2_a_server_that_goes_away_is_a_reason_to_come_back(
    server: Server, people: People, version: int
) -> None:
    mine = People(people.process, server, "plan")
    one, two = await mine.join_h(version), await mine.join_h(version)
    await one.set("shapes", (["a"], "x", 1))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
    assert await run_sync(server.stop) == 0
    for client in (one, two):
        assert (await client.until_state(lambda state: bool(state["closes"])))["closes"][0] == 4503
    await one.set("shapes", (["a"], "x", 2))
    await two.set("shapes", (["b"], "x", 3))
    await run_sync(server.start)
    for client in (one, two):
        await client.until_reads(SHAPES, {"shapes": {"a": {"x": 2}, "b": {"x": 3}}})
        await client.until_saved()


async def test_g5_what_a_board_refuses_is_not_counted_as_synced(people: People, version: int) -> None:
    httpx.post(f"{people.server.url}/api/rooms", json={"room": people.room}).raise_for_status()
    client, other = await people.join_h(version), await people.join_h(version)
    await client.until_saved()
    await client.insert_text("prose", 0, "no board holds this")
    await client.until_state(lambda state: not state["synced"])  # the document was closed
    assert (await client.state())["unsynced"] == 1
    await other.set("shapes", (["a"], "x", 1))
    await other.until_saved()


async def test_s9_a_room_that_is_deleted_closes_its_document_only(people: People, version: int) -> None:
    gone = await people.join_h(version, share="s")
    stays = await people.join_h(version, share="s", room=people.room + "-b")
    await gone.until_saved()
    httpx.delete(f"{people.server.url}/api/rooms/{people.room}").raise_for_status()
    await gone.until_state(lambda state: not state["synced"])
    await stays.set("shapes", (["a"], "x", 1))
    await stays.until_saved()
    assert (await stays.state())["closes"] == []


async def test_h1_two_providers_of_one_name_share_a_socket_by_their_session_ids(people: People) -> None:
    one = await people.join_h(4, share="s", sessionAwareness=True)
    two = await people.join_h(4, share="s", sessionAwareness=True)
    outside = await people.join_h(3)
    await one.set("shapes", (["a"], "x", 1))
    for client in (two, outside):
        await client.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
    await two.close_document()
    await outside.set("shapes", (["a"], "y", 2))
    await one.until_reads(SHAPES, {"shapes": {"a": {"x": 1, "y": 2}}})
    await one.send_stateless("hello")
    await outside.until_state(lambda state: state["heard"] == ["hello"])


async def test_h5_with_a_flush_delay_merged_updates_count_once(people: People) -> None:
    one, two = await people.join_h(4, flushDelay=20), await people.join_h(4)
    await one.until_saved()
    await one.count_up("count", "n", 300)
    await two.until_reads({"count": "map"}, {"count": {"n": 300}})
    await one.until_saved()


async def test_h2_edits_and_messages_from_before_the_token_are_kept_in_order(people: People) -> None:
    """A token may take its time: what the provider sends meanwhile waits for the answer."""
    one, two = await people.join_h(4), await people.hocuspocus(4)
    await two.connect(people.server.hocuspocus_url, people.room)
    await two.set("shapes", (["a"], "x", 1))
    await two.send_stateless("before")
    await one.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
    await one.until_state(lambda state: state["heard"] == ["before"])
    await two.until_saved()
