"""Finds rooms with work, takes their leases and works there: one run a room at a time, rooms side by side.

A room is joined while people are in it or work waits there, and left some time after both have ended. The lease decides
who works; an epoch that a newer one has replaced is told 4409 and stops at once, without another write.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

import anyio
from anyio.abc import TaskGroup
from pycrdt import Doc

from agent.calls import ToolBox
from agent.ledger import Ledger
from agent.metrics import Metrics
from agent.model import Model
from agent.peer import Peer, joined
from agent.rooms import Busy, Lease, Refused, RoomEvent, Rooms, ServerAway, first_of
from agent.run import Runner
from agent.settings import Settings
from agent.step import RetryPolicy
from agent.tools import openai_schema
from agent.tools.base import Tool
from agent.world import World
from sync.canvas.conversation import RunId
from sync.provider import Provider, ProviderClosed, connect

FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 5.0
MAX_BUSY_WAIT_S = 30.0
LEFT_PAUSE_S = 1.0
DROP_TIMEOUT_S = 2.0  # on the way out; a server that is gone does not keep us

logger = logging.getLogger("coplayer.agent")


@dataclass
class _Place:
    """A room this worker knows of, and whether it is needed there."""

    event: RoomEvent
    changed: anyio.Event = field(default_factory=anyio.Event)

    def update(self, event: RoomEvent) -> None:
        self.event = event
        self.changed.set()
        self.changed = anyio.Event()


class Worker:
    """One assistant process. `holder` tells it from other processes of the same slot."""

    def __init__(
        self,
        settings: Settings,
        model: Model,
        tools: Sequence[type[Tool]],
        holder: str,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = Metrics() if metrics is None else metrics
        self._settings = settings
        self._model = model
        self._tools = ToolBox(tools, openai_schema)
        self._rooms = Rooms(settings.server, settings.token, settings.slot, holder)
        self._places: dict[str, _Place] = {}

    async def run(self) -> None:
        """Work until cancelled. Raises Refused when the server does not let it in."""
        async with self._rooms, anyio.create_task_group() as tasks:
            backoff_s = FIRST_BACKOFF_S
            while True:
                try:
                    async with aclosing(self._rooms.follow()) as events:
                        async for event in events:
                            backoff_s = FIRST_BACKOFF_S
                            self._notice(event, tasks)
                except ServerAway as error:
                    logger.info("server away: %s", error)
                await anyio.sleep(backoff_s * (0.5 + random.random() / 2))
                backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)

    def _notice(self, event: RoomEvent, tasks: TaskGroup) -> None:
        place = self._places.get(event.room)
        if place is not None:
            place.update(event)
        elif event.is_active:
            self._places[event.room] = _Place(event)
            tasks.start_soon(self._look_after, event.room)

    async def _look_after(self, room: str) -> None:
        with self._metrics.in_room():
            await self._attend(room)

    async def _attend(self, room: str) -> None:
        """Be in a room as long as it needs the assistant."""
        place = self._places[room]
        try:
            while place.event.is_active:
                try:
                    lease = await self._rooms.take(room)
                    if isinstance(lease, Busy):
                        await _wait(place.changed, min(lease.retry_in_s, MAX_BUSY_WAIT_S))
                        continue
                    await self._join(room, place, lease)
                except ServerAway:
                    await anyio.sleep(FIRST_BACKOFF_S + random.random())
        except Refused as error:
            logger.info("left %s: %s", room, error)
        except Exception:
            # One room's fault must not end the others; the room is tried again at its next event.
            logger.exception("left %s", room)
        finally:
            del self._places[room]

    async def _join(self, room: str, place: _Place, lease: Lease) -> None:
        """Work in a room under a lease, until it is idle, deleted, or another worker has it."""
        try:
            async with connect(
                self._rooms.sync_url(room), Doc(client_id=lease.epoch), self._rooms.sync_query(lease)
            ) as provider:
                is_over = False
                try:
                    await first_of(
                        partial(self._rooms.keep, room, lease),
                        provider.wait_closed,
                        partial(self._serve, provider, place, lease),
                    )
                    is_over = True
                finally:
                    if not is_over:
                        # The server counts a room with a living lease as looked after: look again by ourselves.
                        place.update(RoomEvent(room, place.event.people, is_wanted=True))
                        await self._drop(room)
                await self._give_back(provider, place)
        except* (ProviderClosed, ServerAway, Refused) as group:
            logger.info("left %s: %s", room, group.exceptions)
            # Whoever replaced us, or the server's reason, gets a moment before we ask again.
            await anyio.sleep(LEFT_PAUSE_S)

    async def _serve(self, provider: Provider, place: _Place, lease: Lease) -> None:
        settings = self._settings
        await provider.wait_synced()
        async with joined(
            provider, settings.slot, settings.display_name, self._model.name, self._model.is_demo
        ) as peer:
            runner = Runner(self._world(provider, peer, lease))
            async with anyio.create_task_group() as tasks:
                changes = _Changes()
                unwatch = runner.ledger.on_change(changes.tell)
                tasks.start_soon(_sweep, runner, changes)
                try:
                    await self._work(runner, changes, place)
                finally:
                    unwatch()
                    runner.close()
                    tasks.cancel_scope.cancel()

    async def _give_back(self, provider: Provider, place: _Place) -> None:
        """Leave a room where nothing is to be done, and look once more whether that is still so."""
        room, ledger = place.event.room, Ledger(provider.doc, self._settings.slot)
        await provider.saved()
        await self._rooms.release(room, is_done=not ledger.ready())
        # What was asked before the server had the lease back has arrived when this returns.
        await provider.saved()
        place.update(RoomEvent(room, place.event.people, bool(ledger.ready())))

    async def _drop(self, room: str) -> None:
        """Give the lease back when stopped in the middle: whoever is next can go on at once, not when it runs out.

        Nothing of ours writes any more; what a run had not saved yet is done again.
        """
        with anyio.move_on_after(DROP_TIMEOUT_S, shield=True):
            try:
                await self._rooms.release(room, is_done=False)
            except (ServerAway, Refused) as error:
                logger.info("the lease of %s runs out by itself: %s", room, error)

    async def _work(self, runner: Runner, changes: _Changes, place: _Place) -> None:
        """Run after run, until the room needs the assistant no more."""
        while True:
            mark = changes.count
            waiting = runner.ledger.ready()
            if waiting:
                await _guarded(runner, waiting[0].id)
                continue
            if place.event.people == 0:
                # Nobody is here: stay a little (a reload, a prompt that is on its way), then go.
                with anyio.move_on_after(self._settings.linger_s) as linger:
                    await first_of(partial(changes.beyond, mark), partial(_somebody, place))
                if linger.cancelled_caught:
                    return
            else:
                await first_of(partial(changes.beyond, mark), partial(_nobody, place))

    def _world(self, provider: Provider, peer: Peer, lease: Lease) -> World:
        policy = RetryPolicy(self._settings.max_tries, anyio.sleep, random.random)
        return World(
            provider.doc,
            self._settings.slot,
            lease.epoch,
            self._tools,
            peer,
            provider.saved,
            self._settings,
            self._model,
            policy,
            metrics=self._metrics,
        )


class _Changes:
    """Counts changes of runs, so that one between looking and waiting is not missed."""

    def __init__(self) -> None:
        self.count = 0
        self._event = anyio.Event()

    def tell(self) -> None:
        self.count += 1
        self._event.set()
        self._event = anyio.Event()

    async def beyond(self, mark: int) -> None:
        while self.count <= mark:
            await self._event.wait()


async def _guarded(runner: Runner, run: RunId) -> None:
    """Work on a run; a fault of our own ends that run visibly, instead of taking every room's assistant down."""
    try:
        await runner.work(run)
    except ProviderClosed:
        raise
    except Exception:
        logger.exception("run %s failed", run)
        runner.fail(run)


async def _sweep(runner: Runner, changes: _Changes) -> None:
    """End queued runs that people took back, also while another run is worked on."""
    while True:
        mark = changes.count
        runner.ledger.sweep(runner.now_ms())
        await changes.beyond(mark)


async def _somebody(place: _Place) -> None:
    while place.event.people == 0:
        await place.changed.wait()


async def _nobody(place: _Place) -> None:
    while place.event.people > 0:
        await place.changed.wait()


async def _wait(event: anyio.Event, timeout_s: float) -> None:
    with anyio.move_on_after(timeout_s):
        await event.wait()
