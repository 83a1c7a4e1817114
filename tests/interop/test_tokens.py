"""Stock clients on a server that asks for tokens. Rules: docs/spec.md, sections A, C and H."""

from __future__ import annotations

import pytest

from sync.protocol import Awareness, AwarenessEntry, ClientId, encode
from tests.interop.people import People
from tests.interop.yjs_client import Types
from tests.support.raw_peer import RawPeer

pytestmark = pytest.mark.anyio

SHAPES: Types = {"shapes": "map"}


@pytest.fixture(params=(4, 3))
def version(request: pytest.FixtureRequest) -> int:
    """Of the Hocuspocus provider."""
    return int(request.param)


# y-websocket


@pytest.mark.parametrize(
    ("token", "code"),
    [("", 4401), ("nonsense", 4401), ("old", 4401), ("elsewhere", 4403)],
    ids=lambda value: str(value),
)
async def test_a2_without_the_right_token_a_client_is_turned_away_for_good(
    guarded: People, token: str, code: int
) -> None:
    tokens = {"old": guarded.token(expires_in_s=-60), "elsewhere": guarded.token(room="other/*")}
    client = await guarded.y_websocket()
    await client.connect(guarded.server.sync_url, guarded.room, params={"token": tokens.get(token, token)})
    state = await client.until_state(lambda state: state["final_close"] is not None)
    assert (state["final_close"]["code"], state["wants_connection"]) == (code, False)
    assert state["final_close"]["reason"].endswith(".")


async def test_a2_a_token_for_a_prefix_opens_every_room_below_it(guarded: People) -> None:
    one = await guarded.join_y(params={"token": guarded.token(room="team/*")})
    two = await guarded.join_y(params={"token": guarded.token()})
    await one.set("shapes", (["a"], "x", 1))
    await two.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})


async def test_a3_a_reader_sees_and_is_seen_but_changes_nothing(guarded: People) -> None:
    writer = await guarded.join_y(params={"token": guarded.token()})
    reader = await guarded.y_websocket()
    seen = await reader.connect(
        guarded.server.sync_url, guarded.room, params={"token": guarded.token("read", user="ben")}
    )
    await reader.until_synced()
    await reader.set("shapes", (["forbidden"], "x", 1))
    await reader.say_presence({"user": {"name": "Ben"}})
    await writer.until_presence(lambda states: seen in states)
    await writer.set("shapes", (["a"], "x", 1))
    await reader.until_reads(SHAPES, {"shapes": {"a": {"x": 1}, "forbidden": {"x": 1}}})
    assert await writer.read(SHAPES) == {"shapes": {"a": {"x": 1}}}
    assert (await reader.state())["closes"] == []


async def test_p8_who_somebody_is_comes_from_the_token(guarded: People) -> None:
    ben = await guarded.join_y(params={"token": guarded.token(user="ben")})
    ann = await guarded.y_websocket()
    number = await ann.connect(guarded.server.sync_url, guarded.room, params={"token": guarded.token(user="ann")})
    await ann.say_presence({"user": {"id": "boss", "name": "Ann"}})
    await ben.until_presence(lambda states: states.get(number, {}).get("user", {}).get("id") == "ann")


async def test_a6_when_the_token_ends_the_connection_does_and_a_fresh_one_brings_it_back(guarded: People) -> None:
    client = await guarded.y_websocket()
    await client.connect(guarded.server.sync_url, guarded.room, params={"token": guarded.token(expires_in_s=2)})
    await client.until_synced()
    state = await client.until_state(lambda state: state["final_close"] is not None)
    assert (state["final_close"]["code"], state["wants_connection"]) == (4401, False)
    await client.set("shapes", (["a"], "x", 1))
    await client.go_online({"token": guarded.token()})
    await client.saved_when_synced()
    other = await guarded.join_y(params={"token": guarded.token()})
    await other.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})


# HocuspocusProvider


@pytest.mark.parametrize("token", ["", "nonsense", "old", "elsewhere"])
async def test_h3_without_the_right_token_a_document_is_denied_and_the_socket_stays(
    guarded: People, version: int, token: str
) -> None:
    tokens = {"old": guarded.token(expires_in_s=-60), "elsewhere": guarded.token(room="other/*")}
    welcome = await guarded.join_h(version, guarded.token(room="team/*"), room=guarded.room + "-b", share="s")
    denied = await guarded.hocuspocus(version)
    await denied.connect(guarded.server.hocuspocus_url, guarded.room, tokens.get(token, token), share="s")
    state = await denied.until_state(lambda state: bool(state["denials"]))
    assert (state["synced"], state["authenticated"], state["closes"]) == (False, False, [])
    assert state["denials"][0].endswith(".")
    await welcome.set("shapes", (["a"], "x", 1))
    await welcome.until_saved()


async def test_h3_a_document_that_was_denied_opens_with_a_better_token(guarded: People, version: int) -> None:
    client = await guarded.hocuspocus(version)
    await client.connect(guarded.server.hocuspocus_url, guarded.room, "nonsense")
    await client.set("shapes", (["a"], "x", 1))
    await client.until_state(lambda state: bool(state["denials"]))
    await client.close_document()
    await client.open_document(guarded.token())
    await client.until_synced()
    await client.until_saved()
    other = await guarded.join_h(version, guarded.token())
    await other.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})


async def test_h3_a_reader_is_told_its_scope_and_its_edits_do_not_count_as_synced(
    guarded: People, version: int
) -> None:
    writer = await guarded.join_h(version, guarded.token())
    reader = await guarded.join_h(version, guarded.token("read", user="ben"))
    await reader.until_saved()
    assert (await reader.state())["scope"] == "readonly"
    await reader.set("shapes", (["forbidden"], "x", 1))
    await writer.set("shapes", (["a"], "x", 1))
    await reader.until_reads(SHAPES, {"shapes": {"a": {"x": 1}, "forbidden": {"x": 1}}})
    assert await writer.read(SHAPES) == {"shapes": {"a": {"x": 1}}}
    assert (await reader.state())["unsynced"] == 1


async def test_h6_a_reader_may_say_something(guarded: People, version: int) -> None:
    writer = await guarded.join_h(version, guarded.token())
    reader = await guarded.join_h(version, guarded.token("read", user="ben"))
    await reader.send_stateless("hello")
    await writer.until_state(lambda state: state["heard"] == ["hello"])


async def test_h4_a_fresh_token_is_asked_for_before_the_old_one_ends(guarded: People, version: int) -> None:
    client = await guarded.join_h(version, guarded.token(expires_in_s=32), guarded.token())  # asked 30 s before
    state = await client.until_state(lambda state: state["tokens_asked"] == 2)
    assert (state["synced"], state["closes"], state["denials"]) == (True, [], [])
    await client.set("shapes", (["a"], "x", 1))
    await client.until_saved()
    assert (await client.state())["tokens_asked"] == 2


async def test_h4_a_document_whose_token_ends_is_denied_and_its_socket_stays(guarded: People, version: int) -> None:
    short = guarded.token(expires_in_s=3)
    other = await guarded.join_h(version, guarded.token(room="team/*"), room=guarded.room + "-b", share="s")
    client = await guarded.join_h(version, short, share="s")
    state = await client.until_state(lambda state: bool(state["denials"]))
    assert (state["authenticated"], state["closes"]) == (False, [])
    await other.set("shapes", (["a"], "x", 1))
    await other.until_saved()


async def test_h4_a_token_of_less_access_closes_the_document_and_the_next_opening_has_it(
    guarded: People, version: int
) -> None:
    client = await guarded.join_h(version, guarded.token(expires_in_s=32), guarded.token("read"))
    await client.until_state(lambda state: not state["synced"])
    await client.close_document()
    await client.open_document()
    await client.until_synced()
    assert (await client.state())["scope"] == "readonly"


async def test_p8_both_dialects_show_who_somebody_is_by_the_token(guarded: People, version: int) -> None:
    ben = await guarded.join_y(params={"token": guarded.token(user="ben")})
    ann = await guarded.hocuspocus(version)
    number = await ann.connect(guarded.server.hocuspocus_url, guarded.room, guarded.token(user="ann"))
    await ann.say_presence({"user": {"id": "boss", "name": "Ann"}})
    await ben.until_presence(lambda states: states.get(number, {}).get("user", {}).get("id") == "ann")


async def test_a9_what_is_taken_back_ends_or_narrows_a_document_and_leaves_its_socket(
    guarded: People, version: int
) -> None:
    other = await guarded.join_h(version, guarded.token(user="ben", room="team/*"), room=guarded.room + "-b", share="s")
    gone = await guarded.join_h(version, guarded.token(user="ann"), share="s")
    reader = await guarded.join_h(version, guarded.token(user="cem"))
    await guarded.take_back(user="ann")
    await guarded.take_back(user="cem", access="read")
    await gone.until_state(lambda state: not state["synced"])
    await reader.until_state(lambda state: state["scope"] == "readonly")
    await reader.set("shapes", (["a"], "x", 1))
    await reader.until_state(lambda state: state["unsynced"] == 1)
    await other.set("shapes", (["b"], "x", 1))
    await other.until_saved()
    assert (await gone.state())["closes"] == []


async def test_a9_a_y_websocket_client_whose_access_is_taken_back_does_not_come_back(guarded: People) -> None:
    client = await guarded.join_y(params={"token": guarded.token(user="ann")})
    await guarded.take_back(user="ann")
    state = await client.until_state(lambda state: state["final_close"] is not None)
    assert (state["final_close"]["code"], state["wants_connection"]) == (4403, False)


async def test_g13_a_client_that_comes_back_is_not_hindered_by_its_old_connection_that_lingers(guarded: People) -> None:
    """A socket that is half open still speaks with the client's id; y-websocket keeps its id and its clock."""
    token = guarded.token(user="ann")
    client = await guarded.y_websocket()
    number = await client.connect(guarded.server.sync_url, guarded.room, params={"token": token})
    await client.until_synced()
    await client.set("shapes", (["a"], "x", 1))
    await client.go_offline()
    lingering = await RawPeer.connect(f"{guarded.server.sync_url}/{guarded.room}?token={token}")
    lingering.send(encode(Awareness((AwarenessEntry(ClientId(number), 1_000, "{}"),))))
    await client.set("shapes", (["b"], "x", 1))
    await client.go_online({"token": guarded.token(user="ann")})
    await client.saved_when_synced()
    other = await guarded.join_y(params={"token": guarded.token(user="ben")})
    await other.until_reads(SHAPES, {"shapes": {"a": {"x": 1}, "b": {"x": 1}}})
    lingering.abort()
