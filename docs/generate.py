"""Writes docs/reference.md: what can be set, asked over HTTP and done by the assistant, as the code says it.

`python docs/generate.py` writes it, `--check` only says whether it is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from starlette.routing import BaseRoute, Route, WebSocketRoute

from agent.cli import flag_of
from agent.demo_app import DemoApp
from agent.demo_model import answer
from agent.settings import Settings as AgentSettings
from agent.tools import TOOLS
from sync.app import create_app
from sync.settings import Settings as ServerSettings

REFERENCE = Path(__file__).parent / "reference.md"
PAGES = {
    "/": "The list of boards.",
    "/r/{room}": "One board.",
    "/sync/{room}": "WebSocket: the document ([spec.md](spec.md), section W).",
    "/demo/v1/responses": "The demo assistant (no AI) behind OpenAI's Responses API; to this machine only.",
    "/demo/v1/chat/completions": "The same behind chat.completions.",
}
"""Addresses whose handlers have no sentence of their own that says it as well."""

HEAD = """\
# Reference

Made from the code by `./dev generate`; do not edit. Rules and close codes: [spec.md](spec.md).

A setting is a flag of `coplayer up` and of `coplayer serve` or `coplayer agent`, or an environment variable. The flag
beats the variable, the variable beats the default.
"""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _default(spec: Field[Any], settings: object) -> str:
    match getattr(settings, spec.name):
        case "" | () | False:
            return ""
        case Path() as path:  # the rest of it differs from person to person
            return f"`{path.name}` in the user's data folder"
        case float() as number:
            return f"`{number:g}`"
        case value:
            return f"`{value}`"


def server_flag(spec: Field[Any]) -> str:
    """As `sync.cli.add_flags` names it."""
    return "--" + spec.name.replace("_", "-")


def agent_flag(spec: Field[Any]) -> str:
    """As `coplayer agent` names it."""
    return flag_of(spec.metadata["env"])


def _settings(settings: Any, flag: Callable[[Field[Any]], str]) -> str:
    return _table(
        ("flag", "variable", "default", "what"),
        (
            (f"`{flag(spec)}`", f"`{spec.metadata['env']}`", _default(spec, settings), spec.metadata["doc"])
            for spec in fields(settings)
        ),
    )


def routes() -> list[tuple[str, str, str]]:
    """(method, path, sentence) of everything `coplayer up` answers. Raises ValueError where there is no sentence."""
    server, demo = create_app(ServerSettings()), DemoApp(answer, 0).starlette()
    rows = [row for route in server.routes for row in _route(route)]
    return [*rows, *(row for route in demo.routes for row in _route(route, "/demo"))]


def _route(route: BaseRoute, prefix: str = "") -> list[tuple[str, str, str]]:
    if not isinstance(route, Route | WebSocketRoute):
        return []  # the built client's files
    path = prefix + re.sub(r":\w+\}", "}", route.path)
    doc = PAGES.get(path) or (route.endpoint.__doc__ or "").strip().split("\n\n")[0]
    if not doc:
        raise ValueError(f"the handler of {path} has no docstring")
    methods = sorted(set(route.methods or ()) - {"HEAD"}) if isinstance(route, Route) else ["GET"]
    return [(method, path, " ".join(doc.split())) for method in methods]


def render() -> str:
    """The whole page."""
    tools = ((f"`{tool.name}`", " ".join((tool.__doc__ or "").split("\n\n")[0].split())) for tool in TOOLS)
    return "\n".join(
        [
            HEAD,
            "## Settings of the server\n",
            _settings(ServerSettings(), server_flag),
            "## Settings of the assistant\n",
            _settings(AgentSettings(), agent_flag),
            "## HTTP\n",
            "Errors are problem details (RFC 9457). With a secret set, requests carry `Authorization: Bearer TOKEN`.\n",
            _table(("method", "address", "what"), ((m, f"`{path}`", doc) for m, path, doc in routes())),
            "## The assistant's tools\n",
            _table(("tool", "what"), tools),
        ]
    )


def main(arguments: list[str]) -> int:
    """The exit status."""
    page = render()
    if REFERENCE.is_file() and REFERENCE.read_text(encoding="utf-8") == page:
        return 0
    if "--check" in arguments:
        print("docs/reference.md is stale: run ./dev generate")
        return 1
    REFERENCE.write_text(page, encoding="utf-8")
    print("wrote docs/reference.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
