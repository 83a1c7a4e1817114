"""y-websocket 3.1.0 with yjs 13.6.33, unmodified, under node, against the real server. Rules: docs/spec.md."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync

from tests.interop.yjs_client import StartYjsClient, Types
from tests.support.server import Server

pytestmark = pytest.mark.anyio

SHAPES: Types = {"shapes": "map"}


async def test_w2_d2_two_clients_converge_field_by_field(server: Server, start_client: StartYjsClient) -> None:
    one, two = await start_client(), await start_client()
    await one.connect(server.sync_url, "plan")
    await one.set("shapes", (["a"], "x", 1), (["a"], "fill", "red"))
    await two.connect(server.sync_url, "plan")
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1, "fill": "red"}}})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.set, "shapes", (["a"], "x", 2))
        tasks.start_soon(two.set, "shapes", (["a"], "fill", "blue"))

    for client in (one, two):
        await client.until_reads(SHAPES, {"shapes": {"a": {"x": 2, "fill": "blue"}}})


async def test_w2_an_empty_room_counts_as_synced(server: Server, start_client: StartYjsClient) -> None:
    client = await start_client()
    await client.connect(server.sync_url, "new")
    await client.until_synced()


async def test_w1_a_room_name_may_hold_slashes_and_percent(server: Server, start_client: StartYjsClient) -> None:
    one, two, elsewhere = await start_client(), await start_client(), await start_client()
    await one.connect(server.sync_url, "team/plan-1.~")
    await two.connect(server.sync_url, "team/plan%2D1.~")  # the same name, written otherwise
    await elsewhere.connect(server.sync_url, "team/plan")
    await one.set("shapes", (["a"], "x", 1))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
    await elsewhere.until_synced()
    assert await elsewhere.read(SHAPES) == {"shapes": {}}


async def test_g9_rooms_of_other_schemas_hold_text_arrays_and_xml(server: Server, start_client: StartYjsClient) -> None:
    types: Types = {"note": "text", "list": "array", "page": "xml"}
    one, two = await start_client(), await start_client()
    for client in (one, two):
        await client.connect(server.sync_url, "prose")
        await client.until_synced()
    await one.insert_text("note", 0, "héllo 🌍", {"bold": True})
    await one.insert_items("list", 0, [1, {"deep": [None, "two"]}])
    await one.insert_element("page", "p", "words")
    wanted: dict[str, Any] = {"note": "héllo 🌍", "list": [1, {"deep": [None, "two"]}], "page": "<p>words</p>"}
    await two.until_reads(types, wanted)

    for client in (one, two):
        await client.go_offline()
    await one.insert_text("note", 0, ">> ")
    await two.delete_text("note", 6, 2)  # the emoji: two UTF-16 units
    await two.insert_items("list", 0, [0])
    for client in (one, two):
        await client.go_online()
    for client in (one, two):
        await client.until_reads(types, {**wanted, "note": ">> héllo ", "list": [0, *wanted["list"]]})


async def test_w2_edits_made_offline_on_both_sides_reconcile(server: Server, start_client: StartYjsClient) -> None:
    one, two = await start_client(), await start_client()
    for client in (one, two):
        await client.connect(server.sync_url, "plan")
    await one.set("shapes", (["a"], "x", 0), (["a"], "y", 0))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 0, "y": 0}}})

    await one.go_offline()
    await one.set("shapes", (["a"], "x", 10), (["b"], "x", 1))
    await two.set("shapes", (["a"], "y", 20), (["c"], "x", 2))
    await one.go_online()

    for client in (one, two):
        await client.until_reads(SHAPES, {"shapes": {"a": {"x": 10, "y": 20}, "b": {"x": 1}, "c": {"x": 2}}})


async def test_w2_both_draw_while_the_server_is_dead_and_nothing_is_lost(
    server: Server, start_client: StartYjsClient
) -> None:
    one, two = await start_client(), await start_client()
    for client in (one, two):
        await client.connect(server.sync_url, "plan")
    await one.set("shapes", (["a"], "x", 0))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 0}}})

    await run_sync(server.kill)
    for client in (one, two):
        await client.until_state(lambda state: not state["connected"])
    await one.set("shapes", (["a"], "x", 1), (["b"], "x", 2))
    await two.set("shapes", (["a"], "fill", "red"), (["c"], "x", 3))
    await run_sync(server.start)

    for client in (one, two):
        await client.until_reads(SHAPES, {"shapes": {"a": {"x": 1, "fill": "red"}, "b": {"x": 2}, "c": {"x": 3}}})


async def test_s1_what_others_saw_survives_sigkill_of_the_server(server: Server, start_client: StartYjsClient) -> None:
    one, two = await start_client(), await start_client()
    for client in (one, two):
        await client.connect(server.sync_url, "plan")
    await one.set("shapes", *[((f"s{n}",), "x", n) for n in range(50)])
    wanted = {"shapes": {f"s{n}": {"x": n} for n in range(50)}}
    await two.until_reads(SHAPES, wanted)
    await run_sync(server.kill)  # nobody sees a change that is not on disk
    one.kill()
    two.kill()
    await run_sync(server.start)

    later = await start_client()
    await later.connect(server.sync_url, "plan")
    await later.until_reads(SHAPES, wanted)


async def test_p1_a_late_joiner_sees_who_is_there(server: Server, start_client: StartYjsClient) -> None:
    one, two = await start_client(), await start_client()
    first = await one.connect(server.sync_url, "plan")
    await one.say_presence({"user": {"name": "Ada"}})
    await one.until_synced()
    second = await two.connect(server.sync_url, "plan")
    await two.until_presence(lambda states: states.get(first, {}).get("user") == {"name": "Ada"})
    await two.say_presence({"cursor": {"x": 1, "y": 2}})
    await one.until_presence(lambda states: states.get(second) == {"cursor": {"x": 1, "y": 2}})


async def test_p6_a_killed_client_vanishes_in_under_a_second(server: Server, start_client: StartYjsClient) -> None:
    one, two = await start_client(), await start_client()
    await one.connect(server.sync_url, "plan")
    killed = await two.connect(server.sync_url, "plan")
    await two.say_presence({"user": {"name": "Bo"}})
    await one.until_presence(lambda states: killed in states)

    two.kill()
    # The bound is the rule under test: without the server's help y-protocols forgets a silent peer after 30 s.
    await one.until_presence(lambda states: killed not in states, timeout_s=1)


async def test_p6_a_client_that_comes_back_is_seen_at_once(server: Server, start_client: StartYjsClient) -> None:
    """Its clock does not advance while it is away, and others have just seen it removed (y-websocket#122)."""
    one, two = await start_client(), await start_client()
    await one.connect(server.sync_url, "plan")
    back = await two.connect(server.sync_url, "plan")
    await two.say_presence({"user": {"name": "Bo"}})
    await one.until_presence(lambda states: back in states)
    for _ in range(2):
        await two.go_offline()
        await one.until_presence(lambda states: back not in states)
        await two.go_online()
        await one.until_presence(lambda states: states.get(back) == {"user": {"name": "Bo"}}, timeout_s=3)


async def test_c1_a_final_close_code_stops_the_client(server: Server, start_client: StartYjsClient) -> None:
    client = await start_client()
    await client.connect(server.sync_url, "no*such*name")
    state = await client.until_state(lambda state: state["final_close"] is not None)
    assert state["final_close"]["code"] == 4404
    assert state["final_close"]["reason"].endswith(".")
    assert (state["wants_connection"], state["closes"]) == (False, [4404])


async def test_c2_a_server_that_goes_away_is_a_reason_to_come_back(
    server: Server, start_client: StartYjsClient
) -> None:
    client = await start_client()
    await client.connect(server.sync_url, "plan")
    await client.set("shapes", (["a"], "x", 1))
    await client.until_synced()
    assert await run_sync(server.stop) == 0
    state = await client.until_state(lambda state: bool(state["closes"]))
    assert (state["closes"][0], state["final_close"], state["wants_connection"]) == (4503, None, True)

    await run_sync(server.start)
    await client.until_synced()
    await client.set("shapes", (["a"], "x", 2))
    other = await start_client()
    await other.connect(server.sync_url, "plan")
    await other.until_reads(SHAPES, {"shapes": {"a": {"x": 2}}})
