"""What an operator does from a shell: `coplayer rooms`, `token`, `doctor`, `backup` and `restore`."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import anyio

from sync import admin_rooms
from sync.admin_rooms import Trouble
from sync.auth import ROLES, Access, Authority
from sync.backup import back_up, restore
from sync.board import PROFILES
from sync.doctor import PLACE, examine
from sync.settings import Settings
from sync.store import StoreError
from sync.stores import open_store

DAY_S = 24 * 3600
_USED = ("data", "store", "secret", "host", "port")
"""Settings of the server that these commands heed."""


def add_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the operator's commands to a parser of commands; each sets `command`."""
    rooms = commands.add_parser("rooms", help="list, show, export, import and delete boards; their versions")
    _add_room_actions(rooms.add_subparsers(required=True, metavar="action", dest="action"))
    token = commands.add_parser("token", help="make a token for a board, or for all")
    token.add_argument("room", help="its name, a prefix and *, or *")
    token.add_argument("--access", choices=ROLES, default="write")
    token.add_argument("--user", help="id of the person")
    token.add_argument("--name", help="name that others see")
    token.add_argument("--days", type=float, default=30.0, help="how long it is good for (30)")
    _finish(token, _token)
    _finish(commands.add_parser("doctor", help="check every stored byte and read every board"), _doctor)
    backup = commands.add_parser("backup", help="copy the database while the server runs")
    backup.add_argument("file", type=Path, help="a new file")
    _finish(backup, _backup)
    back = commands.add_parser("restore", help="go back to a backup, while no server runs")
    back.add_argument("file", type=Path, help="what `coplayer backup` made")
    _finish(back, _restore)
    purge = commands.add_parser("purge", help="count what is older than so many days, and remove it with --yes")
    for name, what in (
        ("versions", "automatic versions"),
        ("damaged", "rows that were put aside as damaged"),
        ("unused", "boards that nobody ever wrote into"),
    ):
        purge.add_argument(f"--{name}-days", type=float, metavar="DAYS", help=f"{what}; 0 keeps all")
    purge.add_argument("--yes", action="store_true", help="remove it, for good")
    purge.add_argument("--server", help="server to ask; otherwise the one that has the data open, if any")
    purge.add_argument("--token", help="token to show it; otherwise one is made from the secret")
    purge.set_defaults(action="purge")
    _finish(purge, _rooms)


def _add_room_actions(actions: argparse._SubParsersAction[Any]) -> None:
    parsers = {
        name: actions.add_parser(name, help=text)
        for name, text in (
            ("list", "all boards, last edited first"),
            ("show", "one board in a few lines"),
            ("export", "a board as .json, .svg or .png"),
            ("import", "lay an exported .json over a board, which is made when there is none"),
            ("delete", "a board and its versions, for good"),
            ("versions", "list, keep, rename or go back to versions"),
            ("retry", "read a board in full again that is read-only because reading it had failed"),
        )
    }
    for name, parser in parsers.items():
        if name != "list":
            parser.add_argument("room")
        parser.add_argument("--server", help="server to ask; otherwise the one that has the data open, if any")
        parser.add_argument("--token", help="token to show it; otherwise one is made from the secret")
        _finish(parser, _rooms)
    parsers["list"].add_argument("--json", action="store_true", help="as JSON")
    parsers["export"].add_argument("file", type=Path, nargs="?", help="where to; JSON to the terminal when left out")
    parsers["export"].add_argument("--theme", choices=("light", "dark"), default="light")
    parsers["import"].add_argument("file", type=Path)
    parsers["delete"].add_argument("--yes", action="store_true", help="yes, for good")
    parsers["versions"].add_argument("--keep", metavar="NAME", help="keep the board as it is now under a name")
    parsers["versions"].add_argument(
        "--rename", metavar=("NUMBER", "NAME"), nargs=2, help="name a version; an automatic one stays from then on"
    )
    parsers["versions"].add_argument("--restore", metavar="NUMBER", type=int, help="go back to a version")


def _finish(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace, Settings], int]) -> None:
    for spec in fields(Settings):
        if spec.name in _USED:
            kind = {"int": int, "Path": Path}.get(str(spec.type), str)
            text = f"{spec.metadata['doc']} [{spec.metadata['env']}]".replace("%", "%%")
            parser.add_argument(f"--{spec.name}", type=kind, default=None, help=text)
    parser.set_defaults(command=lambda arguments: _run(command, arguments))


def _run(command: Callable[[argparse.Namespace, Settings], int], arguments: argparse.Namespace) -> int:
    # `insecure`: nothing listens here, so any address will do
    settings = Settings.from_env(insecure=True, **{name: getattr(arguments, name) for name in _USED})
    try:
        return command(arguments, settings)
    except (Trouble, StoreError, OSError) as error:
        print(f"coplayer: {error}", file=sys.stderr)
        return 1


def _rooms(arguments: argparse.Namespace, settings: Settings) -> int:
    return anyio.run(admin_rooms.run, arguments, settings)


def _token(arguments: argparse.Namespace, settings: Settings) -> int:
    access = Access(arguments.user, arguments.name, arguments.access, arguments.room, token=secrets.token_hex(8))
    try:
        print(Authority(settings.secret).mint(access, time.time(), arguments.days * DAY_S))
    except ValueError as error:
        raise Trouble(str(error)) from None
    print(f"id {access.token}: with it the token can be taken back (POST /api/revocations)", file=sys.stderr)
    return 0


def _doctor(arguments: argparse.Namespace, settings: Settings) -> int:
    if not settings.store and not settings.database.is_file():
        raise Trouble(f"There is no database {settings.database}.")
    return anyio.run(_examine, settings)


async def _examine(settings: Settings) -> int:
    store = open_store(settings)
    rooms = damaged = updates = size = versions = 0
    async with store.open():
        async for finding in examine(store, lambda name: PROFILES[name]):
            rooms += finding.room != PLACE
            updates += finding.updates
            size += finding.bytes_read
            versions += finding.versions
            damaged += bool(finding.wrong)
            for sentence in finding.wrong:
                print(f"{finding.room}: {sentence}")
    print(f"{rooms} rooms, {updates} updates since their snapshots, {versions} versions, {size} bytes read")
    print(f"{damaged} of them are damaged; what verifies is served" if damaged else "All is well.")
    return 1 if damaged else 0


def _backup(arguments: argparse.Namespace, settings: Settings) -> int:
    if settings.store.startswith("postgres"):
        raise Trouble("The data is in PostgreSQL; use pg_dump.")
    size = back_up(settings.database, arguments.file)
    print(f"{arguments.file}: {size} bytes")
    return 0


def _restore(arguments: argparse.Namespace, settings: Settings) -> int:
    if settings.store.startswith("postgres"):
        raise Trouble("The data is in PostgreSQL; use pg_restore.")
    before = restore(arguments.file, settings.database)
    print(f"{settings.database} is as {arguments.file} was." + (f" Before: {before}" if before else ""))
    return anyio.run(_examine, settings)
