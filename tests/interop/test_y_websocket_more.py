"""More of y-websocket 3.1.0, unmodified, against the real server: bursts, presence, answers to bad messages, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.to_thread import run_sync

from sync.protocol import KEEP_ALIVE, QueryAwareness, encode
from tests.interop.people import People
from tests.interop.yjs_client import Types
from tests.support.server import Server

pytestmark = pytest.mark.anyio

SHAPES: Types = {"shapes": "map"}


async def test_w3_a_burst_of_2_000_updates_arrives_whole(people: People) -> None:
    one, two = await people.join_y(), await people.join_y()
    await one.count_up("count", "n", 2_000)
    await two.until_reads({"count": "map"}, {"count": {"n": 2_000}})
    assert (await one.state())["closes"] == []


async def test_w4_a_change_of_2_mb_arrives(people: People) -> None:
    one, two = await people.join_y(), await people.join_y()
    text = "words and 🌍 " * 150_000
    await one.insert_text("note", 0, text)
    await two.until_reads({"note": "text"}, {"note": text})


async def test_w2_a_deletion_arrives_and_stays(people: People) -> None:
    one, two = await people.join_y(), await people.join_y()
    await one.set("shapes", (["a"], "x", 1), (["b"], "x", 2))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1}, "b": {"x": 2}}})
    await two.set("shapes", ([], "a"))
    await one.until_reads(SHAPES, {"shapes": {"b": {"x": 2}}})
    assert await (await people.join_y()).read(SHAPES) == {"shapes": {"b": {"x": 2}}}


async def test_w2_two_rooms_do_not_mix(people: People) -> None:
    here, there = await people.join_y(), await people.join_y(people.room + "/b")
    await here.set("shapes", (["a"], "x", 1))
    await here.saved()
    await there.set("shapes", (["b"], "x", 2))
    await there.saved()
    assert (await here.read(SHAPES), await there.read(SHAPES)) == (
        {"shapes": {"a": {"x": 1}}},
        {"shapes": {"b": {"x": 2}}},
    )


async def test_w12_a_client_that_syncs_at_intervals_stays_whole(people: People) -> None:
    one, two = await people.join_y(resync=20), await people.join_y()
    await one.set("shapes", (["a"], "x", 1))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
    await one.saved()
    assert (await one.state())["closes"] == []


async def test_w9_saved_is_told_when_the_change_is_on_disk(server: Server, people: People) -> None:
    mine = People(people.process, server, "plan")
    client = await mine.join_y()
    await client.set("shapes", (["a"], "x", 1))
    await client.saved()
    await run_sync(server.kill)
    await client.go_offline()
    await run_sync(server.start)
    assert await (await mine.join_y()).read(SHAPES) == {"shapes": {"a": {"x": 1}}}


async def test_w1_a_subprotocol_that_is_offered_is_selected(people: People) -> None:
    client = await people.join_y(protocols=["yjs", "other"])
    assert (await client.state())["protocol"] == "yjs"


async def test_w5_a_message_of_unknown_type_does_no_harm(people: People) -> None:
    one, two = await people.join_y(), await people.join_y()
    await one.send_bytes(b"\x2a\x01\x02\x03")
    await one.set("shapes", (["a"], "x", 1))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
    assert (await one.state())["closes"] == []


async def test_w7_a_malformed_message_is_final_for_its_sender_and_nothing_for_others(people: People) -> None:
    one, two = await people.join_y(), await people.join_y()
    await one.send_bytes(b"\x00\x02\x7f")
    state = await one.until_state(lambda state: state["final_close"] is not None)
    assert (state["final_close"]["code"], state["wants_connection"]) == (4400, False)
    await two.set("shapes", (["a"], "x", 1))
    await two.saved()
    assert (await two.state())["closes"] == []


async def test_c2_a_message_over_the_limit_is_final(tmp_path: Path, people: People) -> None:
    with Server(tmp_path / "data", "--max-any-message-bytes", "10000") as server:
        client = await People(people.process, server, "plan").join_y()
        await client.insert_text("note", 0, "x" * 20_000)
        state = await client.until_state(lambda state: state["final_close"] is not None)
        assert (state["final_close"]["code"], state["wants_connection"]) == (4413, False)


async def test_g5_what_a_board_does_not_hold_is_refused_for_good(people: People) -> None:
    httpx.post(f"{people.server.url}/api/rooms", json={"room": people.room}).raise_for_status()
    client = await people.join_y()
    await client.insert_text("prose", 0, "no board holds this")
    state = await client.until_state(lambda state: state["final_close"] is not None)
    assert (state["final_close"]["code"], state["wants_connection"]) == (4422, False)
    assert state["final_close"]["reason"].endswith(".")


async def test_s9_a_room_that_is_deleted_is_final(people: People) -> None:
    client = await people.join_y()
    httpx.delete(f"{people.server.url}/api/rooms/{people.room}").raise_for_status()
    state = await client.until_state(lambda state: state["final_close"] is not None)
    assert (state["final_close"]["code"], state["wants_connection"]) == (4404, False)


async def test_c2_a_full_room_is_tried_again_until_there_is_a_place(tmp_path: Path, people: People) -> None:
    with Server(tmp_path / "data", "--max-room-connections", "1") as server:
        mine = People(people.process, server, "plan")
        first, second = await mine.join_y(), await mine.y_websocket()
        await second.connect(server.sync_url, "plan")
        state = await second.until_state(lambda state: bool(state["closes"]))
        assert (state["closes"][0], state["final_close"], state["wants_connection"]) == (4530, None, True)
        await first.go_offline()
        await second.until_synced()


async def test_p1_who_asks_is_told_who_is_here(people: People) -> None:
    one, two = await people.join_y(), await people.y_websocket()
    await one.say_presence({"cursor": {"x": 1}})
    await two.connect(people.server.sync_url, people.room, record=True)
    await two.until_synced()
    await two.until_presence(lambda states: {"cursor": {"x": 1}} in states.values())
    before = sum(kind == 1 for kind, _ in (await two.state())["frames"])
    await two.send_bytes(encode(QueryAwareness()))
    await two.until_state(lambda state: sum(kind == 1 for kind, _ in state["frames"]) > before)


async def test_p4_a_state_that_is_too_big_is_left_out_and_its_sender_stays(people: People) -> None:
    one, two = await people.y_websocket(), await people.join_y()
    number = await one.connect(people.server.sync_url, people.room)
    await one.until_synced()
    await one.say_presence({"text": "x" * 10_000})
    await one.say_presence({"text": "short"})
    await two.until_presence(lambda states: states.get(number) == {"text": "short"})
    assert (await one.state())["closes"] == []


async def test_p5_moves_of_five_cursors_are_not_multiplied_by_those_who_hear_them(people: People) -> None:
    clients = [await people.join_y() for _ in range(4)]
    listener = await people.join_y(record=True)
    before = len((await listener.state())["frames"])
    for move in range(5):
        for client in clients:
            await client.say_presence({"cursor": {"x": move}})
    await listener.until_presence(lambda states: sum(s == {"cursor": {"x": 4}} for s in states.values()) == 4)
    await listener.set("shapes", (["a"], "x", 1))
    await listener.saved()
    moves = [kind for kind, size in (await listener.state())["frames"][before:] if kind == 1 and size > len(KEEP_ALIVE)]
    assert len(moves) < 2 * 4 * 5, "a hundred and more, if each sent on what it heard"


async def test_p6_a_client_that_says_null_leaves_at_once(people: People) -> None:
    one, two = await people.y_websocket(), await people.join_y()
    number = await one.connect(people.server.sync_url, people.room)
    await one.say_presence({"user": {"name": "Ada"}})
    await two.until_presence(lambda states: number in states)
    await one.say_presence(None)
    await two.until_presence(lambda states: number not in states, timeout_s=1)


async def test_p6_a_client_whose_socket_broke_is_back_in_under_1_5_s(people: People) -> None:
    one, two = await people.y_websocket(), await people.join_y()
    number = await one.connect(people.server.sync_url, people.room)
    await one.say_presence({"user": {"name": "Ada"}})
    await two.until_presence(lambda states: number in states)
    for _ in range(2):
        await one.drop()
        await two.until_presence(lambda states: number not in states, timeout_s=1)
        await two.until_presence(lambda states: states.get(number) == {"user": {"name": "Ada"}}, timeout_s=1.5)


async def test_g9_lists_and_texts_that_two_edit_at_once_end_equal(people: People) -> None:
    types: Types = {"note": "text", "list": "array"}
    one, two = await people.join_y(), await people.join_y()
    for client in (one, two):
        await client.go_offline()
    for number, client in enumerate((one, two)):
        await client.insert_text("note", 0, f"text {number} ", {"bold": True})
        await client.insert_items("list", 0, [number, number])
        await client.delete_items("list", 0, 1)
    for client in (one, two):
        await client.go_online()
        await client.until_synced()
    await one.set("done", ([], "one", True))
    await two.set("done", ([], "two", True))
    found: list[Any] = []
    for client in (one, two):
        await client.until_reads({"done": "map"}, {"done": {"one": True, "two": True}})
        found.append(await client.read(types))
    assert found[0] == found[1]
    assert len(found[0]["list"]) == 2
