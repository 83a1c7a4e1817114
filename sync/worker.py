"""A room worker: the child process that has the rooms of the `any` profile, whose bytes nobody has checked before the
CRDT library sees them. `python -m sync.worker FD`, started by workers.py only; settings come on standard input.

It is the same server without a port. `FD` is a Unix socket to the parent: each byte that comes brings the end of a pipe
(pipe.py), and its end says that it is time to stop. Standard output goes to the parent too, a line of JSON a notice:
    {"fault": null}                 once ready, then at every beat: a sign of life, and why something is not saved
    {"room": "a", "people": 2}      who is in a room has changed
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import anyio
from anyio.abc import TaskGroup
from starlette.applications import Starlette
from starlette.types import Message

from sync import logs
from sync.app import create_app
from sync.connection import SocketClosed
from sync.hub import Hub
from sync.pipe import BINARY, CLOSE, TEXT, Ask, Join, Pipe
from sync.server import secrets_of
from sync.settings import Settings
from sync.watch import Watcher
from sync.workers import BEATS, OWN_PROFILE

log = logging.getLogger(__name__)

PIPES_AT_ONCE = 64
NOTICES = 1  # standard output
OOM_SCORE = "500"  # of 1000
ALARM_FACTOR = 2  # times the parent's patience: then nobody is there who would end a worker that hangs


class Worker:
    """What one process has."""

    def __init__(self, settings: Settings, parent: socket.socket) -> None:
        # the parent has the port, the metrics, the ballast and the rooms of all other profiles
        self._settings = settings
        # ... and purges
        own = replace(settings, workers=0, ballast_bytes=0)
        own = replace(own, keep_versions_days=0.0, keep_damaged_days=0.0, keep_unused_days=0.0)
        self._app: Starlette = create_app(own, pages=False)
        self._hub: Hub = self._app.state.hub
        self._hub.rooms.serves = lambda profile: profile == OWN_PROFILE
        self._hub.rooms.reading.total_tokens = 1
        self._app.user_middleware.clear()  # the parent has done all that: ids, headers, origins
        self._parent = parent
        self._parent.setblocking(False)

    async def run(self) -> None:
        """Until the parent says so or is gone, or until SIGTERM."""
        async with self._app.router.lifespan_context(self._app), anyio.create_task_group() as tasks:
            tasks.start_soon(self._beat)
            tasks.start_soon(self._tell_people)
            async with anyio.create_task_group() as ends:
                ends.start_soon(self._until_asked, ends)
                await self._take_pipes(tasks)
                ends.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await self._hub.drain()
            tasks.cancel_scope.cancel()

    async def _until_asked(self, ends: TaskGroup) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                ends.cancel_scope.cancel()
                return

    async def _take_pipes(self, tasks: TaskGroup) -> None:
        while True:
            await anyio.wait_readable(self._parent)
            for _ in range(PIPES_AT_ONCE):
                try:
                    data, ends, _, _ = socket.recv_fds(self._parent, 1, 1)
                except BlockingIOError:
                    break
                except OSError:
                    return
                if not data:
                    return
                for end in ends:
                    tasks.start_soon(self._serve, socket.socket(fileno=end))

    async def _serve(self, end: socket.socket) -> None:
        pipe = await Pipe.of(end)
        try:
            match await pipe.greeting():
                case Join(room, member, agent, profile, expires_at):
                    await self._hub.connections.serve(room, pipe, member, agent, profile, expires_at)
                case Ask(scope):
                    await self._answer(pipe, scope)
        except SocketClosed:
            return
        except (anyio.get_cancelled_exc_class(), KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # the library's panics too: they end this connection and no other
            log.exception("a connection failed")
        finally:
            pipe.end()

    async def _answer(self, pipe: Pipe, scope: dict[str, Any]) -> None:
        has_body = False

        async def receive() -> Message:
            nonlocal has_body
            try:
                opcode, payload = await pipe.next()
            except SocketClosed:
                return {"type": "http.disconnect"}
            has_body = opcode == TEXT
            return {"type": "http.request", "body": payload, "more_body": not has_body}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in message["headers"]]
                await pipe.put(TEXT, json.dumps([message["status"], headers]).encode())
            elif message["type"] == "http.response.body":
                if message.get("body"):
                    await pipe.put(BINARY, message["body"])
                if not message.get("more_body"):
                    await pipe.put(CLOSE, b"")

        await self._app(scope, receive, send)

    async def _beat(self) -> None:
        patience_s = self._settings.worker_timeout_s
        while True:
            set_alarm(ALARM_FACTOR * patience_s)
            tell(fault=self._hub.fault())
            await anyio.sleep(patience_s / BEATS)

    async def _tell_people(self) -> None:
        with self._hub.watches.watching() as watcher:
            await self._tell_changes(watcher)

    async def _tell_changes(self, watcher: Watcher) -> None:
        while True:
            await watcher.wait()
            for room in watcher.take():
                if room:
                    tell(room=room, people=self._hub.people(room))


def set_alarm(seconds: float) -> None:
    """Ends this process then, unless it is set anew: the system does it, also when Python's lock is held for ever and
    no parent is left that would kill it."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def tell(**notice: object) -> None:
    """A line for the parent. When that is gone, the other socket's end says so, too."""
    with suppress(BrokenPipeError):
        os.write(NOTICES, json.dumps(notice).encode() + b"\n")


def main() -> None:
    """The process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the parent stops us in its turn
    settings: Settings = pickle.load(sys.stdin.buffer)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # Linux: where memory ends, we go first
        score.write(OOM_SCORE)
    logs.configure(cast(logs.Kind, settings.log), cast(logs.Level, settings.log_level), secrets_of(settings))
    parent = socket.socket(fileno=int(sys.argv[1]))
    anyio.run(Worker(settings, parent).run, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    main()
