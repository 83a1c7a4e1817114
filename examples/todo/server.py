"""A shared todo list on coplayer's document server: a schema and rules of its own.

python examples/todo/server.py            then, in examples/todo: npm install && node todo.mjs add "buy milk"
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from pycrdt import Array, Doc
from starlette.applications import Starlette
from starlette.routing import Mount

from sync import Hooks, Refused, Settings, create_app


class TodoHooks(Hooks):
    def before_update(self, room: str, update: bytes, user: str | None) -> None:
        if len(update) > 10_000:
            raise Refused("A todo fits into 10 000 bytes.")

    def on_change(self, room: str, doc: Doc[Any]) -> None:
        todos = doc.get("todos", type=Array)
        print(f"{room}: {sum(not todo['done'] for todo in todos)} of {len(todos)} to do", flush=True)


def build(data: Path) -> Starlette:
    documents = create_app(Settings(data=data), hooks=TodoHooks(), pages=False)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with documents.state.hub.running():
            yield

    return Starlette(routes=[Mount("/docs", documents)], lifespan=lifespan)


if __name__ == "__main__":
    port, data = (sys.argv[1:] + ["8010", "todo-data"][len(sys.argv) - 1 :])[:2]
    uvicorn.run(build(Path(data)), port=int(port), ws="websockets-sansio")
