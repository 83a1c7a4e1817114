"""`coplayer rooms ...`: over HTTP, from a server that runs or from one started inside this process for the moment.

So there is one way to a room, whoever asks: nothing here touches the store behind a server's back.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx2

from sync.app import create_app
from sync.auth import Access, Authority
from sync.backup import is_in_use
from sync.settings import Settings

TIMEOUT_S = 60.0
TOKEN_LIFETIME_S = 600.0
SUFFIXES = ("svg", "png", "json")


class Trouble(Exception):
    """Why a command cannot be done: a sentence for people."""


@asynccontextmanager
async def reaching(settings: Settings, server: str, token: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the named server, of the one that has this data open, or of one inside this process."""
    if not token and settings.secret:
        access = Access("admin", "Admin", "admin")
        token = Authority(settings.secret).mint(access, time.time(), TOKEN_LIFETIME_S)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if not server and (settings.store.startswith("postgres") or is_in_use(settings.database)):
        server = f"http://{settings.host}:{settings.port}"
        if not await _is_ours(server):
            raise Trouble("A server has this data open; say which: --server http://127.0.0.1:8000")
    if server:
        async with httpx2.AsyncClient(base_url=server, headers=headers, timeout=TIMEOUT_S) as client:
            yield client
        return
    app = create_app(settings, pages=False)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.state.hub.running(),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client,
    ):
        yield client


async def _is_ours(server: str) -> bool:
    try:
        async with httpx2.AsyncClient(timeout=2.0) as client:
            return bool((await client.get(f"{server}/api/info")).json()["name"] == "coplayer")
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return False


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do one of the commands; the exit status. Raises Trouble."""
    async with reaching(settings, arguments.server or "", arguments.token or "") as client:
        try:
            return await _COMMANDS[arguments.action](client, arguments)
        except (Trouble, httpx2.HTTPError, OSError) as error:
            failure = error  # raised outside: a server inside this process would wrap it in groups
    match failure:
        case httpx2.HTTPError():
            raise Trouble(f"The server does not answer: {failure}") from failure
        case _:
            raise failure


def _path(room: str) -> str:
    return f"/api/rooms/{quote(room)}"


async def _ask(client: httpx2.AsyncClient, method: str, path: str, **options: Any) -> httpx2.Response:
    answer = await client.request(method, path, **options)
    if answer.is_error:
        try:
            detail = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"The server answered {answer.status_code}."
        raise Trouble(str(detail))
    return answer


async def _list(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> int:
    rooms = (await _ask(client, "GET", "/api/rooms")).json()["rooms"]
    if arguments.json:
        print(json.dumps(rooms, indent=2, ensure_ascii=False))
        return 0
    width = max((len(room["room"]) for room in rooms), default=0)
    for room in rooms:
        people = f"  {room['people']} here" if room["people"] else ""
        print(f"{room['room']:<{width}}  {_when(room['edited_at'])}  {room['title'] or '-'}{people}")
    return 0


async def _show(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> int:
    room = (await _ask(client, "GET", _path(arguments.room))).json()
    document = (await _ask(client, "GET", f"{_path(arguments.room)}/doc")).json()
    versions = (await _ask(client, "GET", f"{_path(arguments.room)}/versions")).json()["versions"]
    print(f"{room['room']}: {room['title'] or '-'}")
    print(f"  made    {_when(room['created_at'])}")
    print(f"  edited  {_when(room['edited_at'])}")
    print(f"  people  {room['people']}")
    print(f"  holds   {', '.join(f'{len(value)} {name}' for name, value in document.items() if value) or 'nothing'}")
    print(f"  versions {len(versions)}, profile {room['profile']}, epoch {room['epoch']}")
    return 0


async def _export(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> int:
    file: Path | None = arguments.file
    suffix = "json" if file is None else file.suffix.removeprefix(".").lower()
    if suffix not in SUFFIXES:
        raise Trouble(f"{file}: name a file that ends in .svg, .png or .json.")
    query = {} if suffix == "json" else {"theme": arguments.theme}
    data = (await _ask(client, "GET", f"{_path(arguments.room)}/export.{suffix}", params=query)).content
    if file is None:
        sys.stdout.write(data.decode() + "\n")
    else:
        await anyio.Path(file).write_bytes(data)
        print(f"{file}: {len(data)} bytes")
    return 0


async def _import(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> int:
    body = await anyio.Path(arguments.file).read_bytes()
    known = {room["room"] for room in (await _ask(client, "GET", "/api/rooms")).json()["rooms"]}
    if arguments.room not in known:
        await _ask(client, "POST", "/api/rooms", json={"room": arguments.room})
    headers = {"content-type": "application/json"}
    done = (await _ask(client, "POST", f"{_path(arguments.room)}/import", content=body, headers=headers)).json()
    for sentence in done["left_out"]:
        print(f"left out: {sentence}", file=sys.stderr)
    print(f"{arguments.room}: {done['written']} written")
    return 0


async def _delete(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        raise Trouble(f"This deletes {arguments.room} and its versions for good; say --yes if you mean it.")
    await _ask(client, "DELETE", _path(arguments.room))
    print(f"{arguments.room}: deleted")
    return 0


async def _versions(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> int:
    path = f"{_path(arguments.room)}/versions"
    if arguments.keep is not None:
        version = (await _ask(client, "POST", path, json={"name": arguments.keep})).json()
        print(f"version {version['id']} kept")
    elif arguments.rename is not None:
        number, name = arguments.rename
        await _ask(client, "PATCH", f"{path}/{quote(number, safe='')}", json={"name": name})
        print(f"version {number}: {name}")
    elif arguments.restore is not None:
        await _ask(client, "POST", f"{path}/{arguments.restore}/restore")
        print(f"{arguments.room}: as it was in version {arguments.restore}")
    else:
        for version in (await _ask(client, "GET", path)).json()["versions"]:
            name = version["name"] or ("(automatic)" if version["is_automatic"] else "-")
            print(f"{version['id']:>5}  {_when(version['at'])}  {name}  {version['author']}".rstrip())
    return 0


async def _retry(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> int:
    await _ask(client, "POST", f"{_path(arguments.room)}/retry")
    print(f"{arguments.room}: is read in full when somebody comes next")
    return 0


async def _purge(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> int:
    names = ("versions_days", "damaged_days", "unused_days")
    days = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    done = (await _ask(client, "POST", "/api/purge", json={**days, "dry_run": not arguments.yes})).json()
    if not any(done[name] for name in names):
        raise Trouble("Nothing is set to go: say --versions-days, --damaged-days or --unused-days.")
    went = "removed" if arguments.yes else "would go"
    print(f"{done['rooms']} boards looked at")
    for name, what in (
        ("versions", "automatic versions"), ("damaged_rows", "damaged rows"), ("unused_rooms", "unused boards")
    ):  # fmt: skip
        print(f"  {done[name]} {what} {went}")
    print(f"  {done['size']} bytes of versions and rows")
    if done["failed"]:
        print(f"  {done['failed']} boards could not be looked at; the server's log says why")
    if not arguments.yes:
        print("Nothing was removed; say --yes for that.")
    return 1 if done["failed"] else 0


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


_COMMANDS = {
    "list": _list,
    "show": _show,
    "export": _export,
    "import": _import,
    "delete": _delete,
    "versions": _versions,
    "retry": _retry,
    "purge": _purge,
}
