"""Serve an ASGI app on a free port of this machine, inside a `with`: the demo model, and servers in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvicorn

START_TIMEOUT_S = 10.0


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is up and leaves signals to its host."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = anyio.Event()

    async def startup(self, sockets: Any = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.up.set()


@asynccontextmanager
async def serve_loopback(app: Any, grace_s: int = 1) -> AsyncIterator[str]:
    """Yields `http://127.0.0.1:PORT`; the server has stopped when the context is left.

    `grace_s`: what open streams get to end by themselves.
    """
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_level="critical",
        lifespan="off",
        access_log=False,
        timeout_graceful_shutdown=grace_s,
    )
    server = _Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_run, server)
        with anyio.fail_after(START_TIMEOUT_S):
            await server.up.wait()
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            server.should_exit = True


async def _run(server: _Server) -> None:
    # Shielded: a cancelled host still closes its sockets; `should_exit` ends this in any case.
    with anyio.CancelScope(shield=True):
        # `_serve` is `serve` without taking over the process's signals, which belong to the command line.
        await server._serve()
