"""The server's side of its room workers: starts them, watches them, and hands them the sockets of their rooms.

A room belongs to one worker by its name, for as long as the server runs, so it is never in memory twice. A worker that
dies takes its rooms' connections along, which are asked to come back (4503); a new one takes its place.
docs/decisions says why it is done like this.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic

import anyio
from anyio.abc import Process

from sync.connection import Socket, SocketClosed, say_goodbye
from sync.gate import ProfileName
from sync.outbox import TOO_SLOW
from sync.pipe import CLOSE, Ask, Join, Pipe, close_code
from sync.protocol import CloseCode
from sync.rooms import GOING_AWAY, Rejected
from sync.settings import Settings
from sync.websocket import Broken

log = logging.getLogger(__name__)

PROGRAM: tuple[str, ...] = ("-m", "sync.worker")
"""What Python runs; then comes the number of a file descriptor."""
OWN_PROFILE: ProfileName = "any"
"""Rooms whose updates the gate does not read to the end."""
BEATS = 8  # signs of life that a worker gives within the time after which it counts as hanging
MAX_BEAT_S = 1.0  # between two looks at its memory
PAGE = os.sysconf("SC_PAGESIZE")
START_TIMEOUT_S = 60.0  # for the first of them: the program is loaded, the store is opened
PATIENCE_S = 10.0  # who comes while a worker starts waits so long for it
FIRST_PAUSE_S, MAX_PAUSE_S = 0.1, 5.0  # before a worker that has died is started again
STABLE_S = 10.0  # one that lived so long begins with the short pause again
MAX_NOTICE = 64 * 1024  # bytes of a line
STOP_GRACE_S = 3.0  # beyond `drain_s`, then a stopping worker is killed
ENDED = "The process of this board has ended; connect again in a moment."


class Worker:
    """One child process after the other."""

    def __init__(self, number: int, settings: Settings) -> None:
        self.number = number
        self.pid: int | None = None
        """While it is ready."""
        self.people: dict[str, int] = {}
        """By room, where there are any."""
        self.fault: str | None = None
        """Why it cannot save something, if so."""
        self.starts = 0
        self._settings = settings
        self._ready = asyncio.Event()
        self._control: socket.socket | None = None
        self._silent_s = 0.0
        self._is_told_to_stop = False

    async def live(self, changed: Callable[[str], None]) -> None:
        """One life, from start to end."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                command = [sys.executable, *PROGRAM, str(theirs.fileno())]
                process = await anyio.open_process(
                    command, stdin=subprocess.PIPE, stderr=None, pass_fds=[theirs.fileno()]
                )
            self.starts += 1
            ours.setblocking(False)
            self._control = ours
            self._silent_s = 0.0
            if self._is_told_to_stop:
                self.stop()
            try:
                await self._accompany(process, changed)
            finally:
                self._control = None
                self.pid = None
                self.fault = None
                self._ready.clear()
                gone, self.people = self.people, {}
                for room in gone:
                    changed(room)
        log.log(
            logging.INFO if self._is_told_to_stop else logging.ERROR,
            "room worker %d (process %d) ended: %s",
            self.number,
            process.pid,
            _how(process.returncode),
        )

    async def _accompany(self, process: Process, changed: Callable[[str], None]) -> None:
        """Until it has ended; ends it when this is cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, process)
                tasks.start_soon(self._listen, process, changed)
                assert process.stdin is not None
                with suppress(anyio.BrokenResourceError):
                    await process.stdin.send(pickle.dumps(self._settings))
                    await process.stdin.aclose()
                await process.wait()
                tasks.cancel_scope.cancel()
        finally:
            _kill(process)
            with anyio.CancelScope(shield=True):
                await process.aclose()

    async def _listen(self, process: Process, changed: Callable[[str], None]) -> None:
        assert process.stdout is not None
        rest = b""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                *lines, rest = (rest + await process.stdout.receive()).split(b"\n")
                self._silent_s = 0.0
                for line in lines:
                    self._hear(line, process.pid, changed)
                rest = rest[-MAX_NOTICE:]

    def _hear(self, line: bytes, pid: int, changed: Callable[[str], None]) -> None:
        """Whatever a process says whose library may have gone mad: what is no notice is left out."""
        try:
            notice = json.loads(line)
        except ValueError:
            return
        match notice:
            case {"room": str(room), "people": int(people)}:
                if people:
                    self.people[room] = people
                else:
                    self.people.pop(room, None)
                changed(room)
            case {"fault": str() | None as fault}:
                self.fault = fault
                self.pid = pid
                self._ready.set()
            case _:
                log.warning("room worker %d said what is no notice", self.number)

    async def _watch(self, process: Process) -> None:
        """Kills it when it gives no sign of life, or takes too much memory.

        A limit of the system's (RLIMIT_DATA) would count the stacks of all its threads, 512 MiB each of which nothing
        is used; and a process that hangs does not look at itself.
        """
        beat_s = min(MAX_BEAT_S, self._settings.worker_timeout_s / BEATS)
        last = monotonic()
        while True:
            await anyio.sleep(beat_s)
            now, before = monotonic(), last
            last = now
            self._silent_s += min(now - before, 2 * beat_s)  # while we were not served ourselves it is not to blame
            if self._settings.worker_memory_bytes and memory_of(process.pid) > self._settings.worker_memory_bytes:
                log.error("room worker %d takes more memory than it may; it is killed", self.number)
                _kill(process)
                return
            if self._silent_s > (self._settings.worker_timeout_s if self.pid is not None else START_TIMEOUT_S):
                log.error("room worker %d gives no sign of life for %.1f s; it is killed", self.number, self._silent_s)
                _kill(process)
                return

    async def open(self, hello: Join | Ask) -> Pipe:
        """A pipe to it. Raises Rejected (4503)."""
        with anyio.move_on_after(PATIENCE_S):
            await self._ready.wait()
        if self._control is None or not self._ready.is_set():
            raise Rejected(CloseCode.GOING_AWAY, ENDED)
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(self._control, [b"."], [theirs.fileno()])
            pipe = await Pipe.of(ours)
            await pipe.greet(hello)
        except (OSError, SocketClosed) as error:  # it has just died, it hangs, or there are too many open files
            raise Rejected(CloseCode.GOING_AWAY, ENDED) from error
        return pipe

    def stop(self) -> None:
        """Tell it that there will be no more connections; it says goodbye to those it has, and ends."""
        self._is_told_to_stop = True
        if self._control is not None:
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)


class Workers:
    """All of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers = [Worker(number, settings) for number in range(settings.workers)]
        self.connections = 0
        self._is_draining = False
        self._done = anyio.Event()

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers)

    def leaves(self, profile: ProfileName) -> bool:
        """Are rooms of this profile left to the server's own process?"""
        return profile != OWN_PROFILE

    async def run(self, changed: Callable[[str], None]) -> None:
        """Until they are drained. `changed` hears the names of rooms that people come to or leave."""
        try:
            async with anyio.create_task_group() as tasks:
                for worker in self._workers:
                    tasks.start_soon(self._keep, worker, changed)
        finally:
            self._done.set()

    async def _keep(self, worker: Worker, changed: Callable[[str], None]) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._is_draining:
            began = monotonic()
            try:
                await worker.live(changed)
            except OSError as error:  # no memory, or too many processes
                log.error("room worker %d cannot be started: %s", worker.number, error)  # noqa: TRY400
            except Exception:  # whatever a worker does, the server goes on
                log.exception("room worker %d could not be kept", worker.number)
            if monotonic() - began >= STABLE_S:
                pause_s = FIRST_PAUSE_S
            if not self._is_draining:
                await anyio.sleep(pause_s)
                pause_s = min(MAX_PAUSE_S, 2 * pause_s)

    async def drain(self) -> None:
        """They say goodbye to their connections, write what they have, and end."""
        self._is_draining = True
        for worker in self._workers:
            worker.stop()
        with anyio.move_on_after(self._settings.drain_s + STOP_GRACE_S):
            await self._done.wait()

    def of(self, room: str) -> Worker:
        """The one that has this room."""
        return self._workers[zlib.crc32(room.encode()) % len(self._workers)]

    def people(self, room: str) -> int:
        """How many connections of people it has."""
        return self.of(room).people.get(room, 0)

    def rooms(self) -> Iterator[str]:
        """Rooms with people."""
        for worker in self._workers:
            yield from tuple(worker.people)

    @property
    def alive(self) -> int:
        """How many of them take connections."""
        return sum(worker.pid is not None for worker in self._workers)

    @property
    def starts(self) -> int:
        """Of all of them; one each when none has died."""
        return sum(worker.starts for worker in self._workers)

    def fault(self) -> str | None:
        """Why some room's updates are not being saved, if so."""
        return next((worker.fault for worker in self._workers if worker.fault is not None), None)

    async def open(self, room: str, hello: Join | Ask) -> Pipe:
        """A pipe to the worker that has the room. Raises Rejected (4503)."""
        if self._is_draining:
            raise Rejected(CloseCode.GOING_AWAY, GOING_AWAY)
        return await self.of(room).open(hello)

    async def serve(self, socket: Socket, hello: Join) -> None:
        """Pass on what an admitted socket and its room say to each other, until either ends. Raises Rejected."""
        pipe = await self.open(hello.room, hello)
        self.connections += 1
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._outward, pipe, socket, tasks.cancel_scope)
                with suppress(SocketClosed):
                    while True:
                        await _inward(pipe, await socket.receive())
                tasks.cancel_scope.cancel()
        finally:
            self.connections -= 1
            pipe.end()

    async def _outward(self, pipe: Pipe, socket: Socket, connection: anyio.CancelScope) -> None:
        """What the room says. A peer that takes none of it for too long is let go here as well as there (W11)."""
        goodbye: tuple[CloseCode, str] = CloseCode.GOING_AWAY, ENDED
        try:
            while True:
                opcode, payload = await pipe.next()
                if opcode == CLOSE:
                    code, reason = close_code(payload)
                    goodbye = CloseCode(code), reason
                    break
                try:
                    with anyio.fail_after(self._settings.slow_after_s):
                        await socket.send(payload)
                except TimeoutError:
                    goodbye = CloseCode.SLOW_CONSUMER, TOO_SLOW
                    break
                except SocketClosed:
                    connection.cancel()
                    return
        except (SocketClosed, Broken, ValueError):  # the process is gone, or says what no worker says
            log.debug("a connection has lost its room worker")
        await say_goodbye(socket, *goodbye)
        connection.cancel()


async def _inward(pipe: Pipe, message: bytes) -> None:
    """A pipe that has ended is `_outward`'s affair: it knows why."""
    try:
        await pipe.send(message)
    except SocketClosed:
        await anyio.sleep_forever()


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        process.kill()


def memory_of(pid: int) -> int:
    """Bytes that a process has in memory, on Linux; 0 elsewhere, and when it is gone."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit status {code}"
