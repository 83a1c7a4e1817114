"""The `coplayer` command: the one place where server and assistant meet.

coplayer up      server, assistant and board
coplayer serve   the server alone
coplayer agent   the assistant alone, for a server that runs elsewhere
coplayer mcp     a room for MCP clients
coplayer models  check the model of the settings
coplayer rooms   boards from the shell; and token, doctor, backup
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import fields
from types import FrameType
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import anyio
from starlette.routing import Mount

from agent.demo_app import DemoApp, loopback_only
from agent.demo_model import answer
from agent.settings import Settings, SettingsError
from agent.supervisor import Supervisor
from sync import admin, logs
from sync import cli as server_cli
from sync.app import create_app
from sync.auth import Access, Authority
from sync.server import serve
from sync.settings import Settings as ServerSettings
from sync.settings import SettingsError as ServerSettingsError
from sync.stack import deepen

TOKEN_LIFETIME_S = 365 * 24 * 3600  # of the child's own token; it ends with the process
_GIVEN_BY_UP = ("server", "token", "log", "log_level")
_OF_MCP = ("server", "token", "slot", "name", "max_calls", "call_pause_s", "guest_idle_s", "answer_patience_s")
_OF_MODEL = (
    "model", "model_api", "openai_key", "model_key", "base_url", "connect_timeout_s", "event_timeout_s",
)  # fmt: skip
MCP_SLOT = "mcp"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit status."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    if argv is None and command in (_up, _serve):  # a program of its own
        deepen()
    try:
        return command(arguments)
    except (SettingsError, ServerSettingsError) as error:
        print(f"coplayer: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coplayer", description="A shared board where an AI assistant is one more player."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    up = commands.add_parser("up", help="start server, assistant and board")
    server_cli.add_flags(up)
    _add_flags(up, without=_GIVEN_BY_UP)
    up.add_argument("--open", action=argparse.BooleanOptionalAction, default=None, help="open the board in a browser")
    up.set_defaults(command=_up)
    alone = commands.add_parser("serve", help="start the server alone")
    server_cli.add_flags(alone)
    alone.add_argument("--open", action=argparse.BooleanOptionalAction, default=False, help="open the board")
    alone.set_defaults(command=_serve)
    agent = commands.add_parser("agent", help="start the assistant alone, for a server that runs elsewhere")
    _add_flags(agent)
    agent.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    agent.set_defaults(command=_agent)
    _add_mcp(commands)
    models = commands.add_parser("models", help="the model of the settings").add_subparsers(
        required=True, metavar="action"
    )
    check = models.add_parser("check", help="try it out with three small requests and say what works")
    _add_flags(check, only=_OF_MODEL)
    check.set_defaults(command=_check_model)
    admin.add_commands(commands)
    return parser


def _add_mcp(commands: Any) -> None:
    mcp = commands.add_parser("mcp", help="let MCP clients work in a room, each as a player of its own")
    mcp.add_argument("room", help="the room they join; made when there is none")
    mcp.add_argument("--http", action="store_true", help="serve streamable HTTP instead of stdin and stdout")
    mcp.add_argument("--port", type=int, default=8765, help="for --http, on 127.0.0.1 (8765; 0: a free one)")
    _add_flags(mcp, only=_OF_MCP)
    mcp.set_defaults(command=_mcp)


def _serve(arguments: argparse.Namespace) -> int:
    settings = server_cli.settings_from(arguments)

    def on_ready(address: str) -> None:
        _tell(address, settings)
        if arguments.open:
            webbrowser.open(reachable(address))

    return serve(create_app(settings), settings, on_ready)


def _agent(arguments: argparse.Namespace) -> int:
    # Imported here: the server's process does without the SDK, whose import takes as long as all the rest.
    from agent import service
    from agent.own import Agent

    settings = Settings.from_env(**_given(arguments))
    logs.configure(settings.log, settings.log_level, (settings.token, settings.openai_key, settings.model_key))
    agent = Agent(settings=settings)
    line = settings.model_line
    if arguments.with_parent:
        service.stop_with_parent()
    else:
        print(f"coplayer agent: {settings.server}\n  model  {line}", flush=True)
    return agent.run()


def _check_model(arguments: argparse.Namespace) -> int:
    from agent import service

    return anyio.run(service.check_model, Settings.from_env(**_given(arguments, only=_OF_MODEL)))


def _mcp(arguments: argparse.Namespace) -> int:
    from agent.own import with_tools

    try:
        from agent import mcp_service
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise SettingsError("MCP needs one more package: pip install 'coplayer[mcp]'") from error
    logging.basicConfig(level=logging.WARNING, format="coplayer mcp: %(message)s")
    chosen = _given(arguments, only=_OF_MCP)
    settings = Settings.from_env(**chosen)
    if settings.slot == Settings().slot:
        settings = settings.with_(slot=MCP_SLOT)
    name = settings.name if settings.name != Settings().name else ""
    tools = with_tools()
    if not arguments.http:
        anyio.run(mcp_service.over_stdio, settings, tools, arguments.room, name)
        return 0

    def on_ready(address: str) -> None:
        print(f"coplayer mcp: {address}", flush=True)
        print(f"  room   {arguments.room} at {settings.server}", flush=True)

    anyio.run(mcp_service.over_http, settings, tools, arguments.room, name, arguments.port, on_ready)
    return 0


def _up(arguments: argparse.Namespace) -> int:
    settings = server_cli.settings_from(arguments)
    assistant = Settings.from_env(**_given(arguments, without=_GIVEN_BY_UP))
    line = assistant.model_line  # a setting that cannot work is told now, not by a child that dies
    demo = Mount("/demo", app=loopback_only(DemoApp(answer, assistant.demo_pace_s).starlette()))
    supervisors: list[Supervisor] = []

    def on_ready(address: str) -> None:
        _tell(address, settings, line)
        supervisors.append(
            _child(
                assistant.with_(
                    server=reachable(address), token=_token(settings), log=settings.log, log_level=settings.log_level
                )
            )
        )
        supervisors[-1].start()
        _stop_first(supervisors[-1])
        if _may_open(arguments.open):
            webbrowser.open(reachable(address))

    try:
        return serve(create_app(settings, extra_routes=[demo]), settings, on_ready)
    finally:
        for supervisor in supervisors:
            supervisor.stop()


def _tell(address: str, settings: ServerSettings, model: str | None = None) -> None:
    print(f"coplayer: {address}", flush=True)
    print(f"  data   {settings.store or settings.data}", flush=True)
    if model is not None:
        print(f"  model  {model}", flush=True)
        print("  stop   Ctrl+C", flush=True)


def _child(settings: Settings) -> Supervisor:
    """The assistant as a child. Its settings go by environment: a key on a command line is there for all to read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COPLAYER_SECRET")}
    own = {item.metadata["env"]: str(getattr(settings, item.name)) for item in fields(Settings)}
    command = [sys.executable, "-m", "agent", "agent", "--with-parent"]
    return Supervisor(command, {**kept, **own}, "assistant")


def _stop_first(supervisor: Supervisor) -> None:
    """On a signal the assistant goes first, while the server still takes its lease back; then the server, as it would.

    Called when uvicorn has set its handlers. The second signal goes to the server at once.
    """
    for which in (signal.SIGINT, signal.SIGTERM):
        after = signal.getsignal(which)

        def handle(number: int, frame: FrameType | None, after: Any = after) -> None:
            signal.signal(number, after)

            def stop() -> None:
                supervisor.stop()
                after(number, frame)

            threading.Thread(target=stop, name="stop").start()

        signal.signal(which, handle)


def _token(settings: ServerSettings) -> str:
    """A token for our own assistant, empty on an open server."""
    authority = Authority(settings.secret)
    if settings.asks_for_tokens and not authority.can_mint:
        raise SettingsError("Set COPLAYER_SECRET besides COPLAYER_JWT_KEYS, so that the assistant gets a token.")
    if authority.is_open:
        return ""
    return authority.mint(Access("assistant", "Assistant", "agent"), time.time(), TOKEN_LIFETIME_S)


def reachable(address: str) -> str:
    """The address from this machine: one that listens on all interfaces is reached over loopback."""
    url = urlsplit(address)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(url.hostname or "")
    return f"{url.scheme}://{host}:{url.port}" if host else address


def _may_open(asked: bool | None) -> bool:
    """Open a browser when asked to, or when a person with a screen started us."""
    if asked is not None:
        return asked
    has_screen = sys.platform in ("darwin", "win32") or any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and has_screen and "SSH_CONNECTION" not in os.environ


def _add_flags(parser: argparse.ArgumentParser, without: Sequence[str] = (), only: Sequence[str] | None = None) -> None:
    """One flag a setting, named after its variable; unset flags are None, so that the environment counts."""
    hints = get_type_hints(Settings)
    for item in fields(Settings):
        if item.name not in without and (only is None or item.name in only):
            kind = hints[item.name] if hints[item.name] in (int, float) else str
            text = f"{item.metadata['doc']} [{item.metadata['env']}]".replace("%", "%%")
            parser.add_argument(flag_of(item.metadata["env"]), dest=f"agent_{item.name}", type=kind, help=text)


def flag_of(variable: str) -> str:
    """`COPLAYER_MODEL_API` -> `--model-api`, `OPENAI_BASE_URL` -> `--openai-base-url`."""
    return "--" + variable.removeprefix("COPLAYER_").lower().replace("_", "-")


def _given(
    arguments: argparse.Namespace, without: Sequence[str] = (), only: Sequence[str] | None = None
) -> dict[str, Any]:
    names = [item.name for item in fields(Settings) if item.name not in without and (only is None or item.name in only)]
    return {name: getattr(arguments, f"agent_{name}") for name in names}
