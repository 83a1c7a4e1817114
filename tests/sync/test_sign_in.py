"""Other people's sign-in (docs/spec.md, A12): a function in Python, or a header from a proxy that is trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect

from sync.admission import PEER, Admission
from sync.app import authority_of, create_app
from sync.auth import OPEN, Access, Authority, NotAllowed
from sync.hooks import Hooks
from sync.memory_store import MemoryStore
from sync.protocol import CloseCode
from sync.settings import Settings, SettingsError
from tests.support.server import Server

SECRET = "a secret of thirty-two bytes or more"
HEADER = "X-Forwarded-User"
NOW = 1_700_000_000.0


def admission(**settings: Any) -> Admission:
    made = Settings(user_header=HEADER, **settings)
    return Admission(MemoryStore(), made, Hooks(authority_of(made)), lambda: NOW)


def comes(*names: str, peer: str = "127.0.0.1", client: str = "203.0.113.9") -> HTTPConnection:
    headers = [(HEADER.lower().encode(), name.encode()) for name in names]
    return HTTPConnection({"type": "http", "headers": headers, PEER: (peer, 1), "client": (client, 0)})


def refused(door: Admission, connection: HTTPConnection, token: str | None = None) -> CloseCode:
    with pytest.raises(NotAllowed) as no:
        door.authorise(connection, token, "r")
    return no.value.code


def test_a12_who_a_trusted_proxy_names_comes_in_with_the_access_that_the_setting_says() -> None:
    found = admission(user_access="comment").authorise(comes("ann"), None, "r")
    assert (found.user, found.level, found.role) == ("ann", "comment", "comment")
    assert admission(trusted_proxies=("10.0.0.0/8",)).authorise(comes("ann", peer="10.1.2.3"), None, "r").user == "ann"


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1", "", "unix:", "127.0.0.1.evil.example"])
def test_a12_from_anybody_else_the_header_is_worth_nothing(peer: str) -> None:
    assert refused(admission(), comes("ann", peer=peer)) == CloseCode.UNAUTHORIZED
    assert refused(admission(), comes("ann", peer=peer, client="127.0.0.1")) == CloseCode.UNAUTHORIZED


@pytest.mark.parametrize("names", [(), ("",), (" ",), ("ann", "root"), ("a" * 129,)])
def test_a12_no_name_two_names_and_no_end_of_a_name_are_nobody(names: tuple[str, ...]) -> None:
    assert refused(admission(), comes(*names)) == CloseCode.UNAUTHORIZED


def test_a12_without_the_setting_no_header_is_looked_at() -> None:
    settings = Settings(secret=SECRET)
    door = Admission(MemoryStore(), settings, Hooks(authority_of(settings)), lambda: NOW)
    assert refused(door, comes("ann")) == CloseCode.UNAUTHORIZED
    token = Authority(SECRET).mint(Access("ben", None, "read", "r"), NOW, 60)
    assert door.authorise(comes("ann"), token, "r").user == "ben"


@pytest.mark.anyio
async def test_a12_a9_access_is_taken_back_from_people_of_a_proxy_too() -> None:
    door = admission()
    await door.revoke("r", "ann", None, "none")
    assert refused(door, comes("ann")) == CloseCode.FORBIDDEN
    assert door.authorise(comes("ben"), None, "r").user == "ben"


def test_a12_an_assistant_comes_with_a_token_as_before_and_a_wrong_setting_is_told() -> None:
    token = Authority(SECRET).mint(Access(None, None, "agent"), NOW, 60)
    assert admission(secret=SECRET).authorise(comes(), token, "r").role == "agent"
    with pytest.raises(SettingsError, match="COPLAYER_USER_ACCESS"):
        Settings.from_env({"COPLAYER_USER_HEADER": HEADER, "COPLAYER_USER_ACCESS": "root"})
    assert Settings.from_env({"COPLAYER_HOST": "0.0.0.0", "COPLAYER_USER_HEADER": HEADER}).asks_for_tokens


class Sessions(Hooks):
    """As an application with logins of its own would do it."""

    def sign_in(self, connection: HTTPConnection) -> Access | None:
        """By a cookie."""
        return {"s1": Access("ann", "Ann", "write", "team/*"), "s2": OPEN}.get(connection.cookies.get("session", ""))


@pytest.mark.anyio
async def test_a12_a_function_says_who_somebody_is() -> None:
    settings = Settings(secret=SECRET)
    app = create_app(settings, MemoryStore(), hooks=Sessions(Authority(SECRET)), pages=False)
    transport = httpx.ASGITransport(app)

    async def status(session: str, room: str) -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://x", cookies={"session": session}) as client:
            return (await client.post("/api/rooms", json={"room": room})).status_code

    async with app.state.hub.running():
        assert await status("s1", "team/a") == 201
        assert await status("s1", "other") == 403
        assert await status("s2", "other") == 201
        assert await status("gone", "more") == 401


@pytest.mark.anyio
async def test_a12_over_real_sockets_the_proxys_word_counts_and_a_strangers_does_not(tmp_path: Path) -> None:
    with Server(tmp_path / "one", environ={"COPLAYER_USER_HEADER": HEADER}) as server:
        said = {HEADER: "ann", "X-Forwarded-For": "203.0.113.9"}
        assert httpx.get(f"{server.url}/api/rooms", headers=said, timeout=30).status_code == 200
        assert httpx.get(f"{server.url}/api/rooms", timeout=30).status_code == 401
        async with connect(f"{server.sync_url}/r?coplayer=1", additional_headers=said) as socket:
            joined = await socket.recv(decode=False)
            assert json.loads(joined[joined.index(b"{") :])["access"] == "write"
    far = {"COPLAYER_USER_HEADER": HEADER, "COPLAYER_TRUSTED_PROXIES": "198.51.100.1"}
    with Server(tmp_path / "two", environ=far) as server:
        assert httpx.get(f"{server.url}/api/rooms", headers={HEADER: "ann"}, timeout=30).status_code == 401
