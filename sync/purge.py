"""What is kept for how long: old automatic versions, rows put aside as damaged, rooms that nobody ever wrote into (O6).

By default everything is kept. A trial counts what would go.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

import anyio

from sync.rooms import Rooms
from sync.settings import Settings
from sync.store import NoSuchRoom, Store, StoreError

DAY_MS = 24 * 3600 * 1000
EVERY_S = 3600.0  # how often a server looks, when its settings say that something goes by itself

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keep:
    """Days after which something goes; 0 keeps it for ever."""

    versions_days: float = 0.0
    damaged_days: float = 0.0
    unused_days: float = 0.0

    @property
    def is_all(self) -> bool:
        """Nothing ever goes."""
        return not (self.versions_days or self.damaged_days or self.unused_days)


@dataclass(slots=True)
class Report:
    """What went, or would go, and of how many rooms. `size` in bytes of versions and rows."""

    rooms: int = 0
    versions: int = 0
    damaged_rows: int = 0
    unused_rooms: int = 0
    size: int = 0
    failed: int = 0
    """Rooms that the store could not be asked about."""


def keep_of(settings: Settings) -> Keep:
    """As the operator has set it."""
    return Keep(settings.keep_versions_days, settings.keep_damaged_days, settings.keep_unused_days)


async def purge(
    rooms: Rooms,
    store: Store,
    keep: Keep,
    now: int,
    *,
    is_trial: bool,
    is_elsewhere: Callable[[str], bool] = lambda room: False,
) -> Report:
    """Room by room, each in a transaction of its own. `now` in Unix ms. Raises StoreError when rooms cannot be listed.

    `is_elsewhere`: somebody may be in such a room without our knowing.
    """
    report = Report()
    before = {days: int(now - days * DAY_MS) if days else 0 for days in asdict(keep).values()}
    for info in await store.rooms():
        report.rooms += 1
        try:
            made_before = before[keep.unused_days]
            is_old = info.created_at < made_before and not is_elsewhere(info.room)
            if is_old and await rooms.delete_unused(info.room, made_before, is_trial=is_trial):
                report.unused_rooms += 1
                continue
            if keep.versions_days or keep.damaged_days:
                gone = await store.purge(
                    info.room, before[keep.versions_days], before[keep.damaged_days], is_trial=is_trial
                )
                report.versions += gone.versions
                report.damaged_rows += gone.rows
                report.size += gone.size
        except NoSuchRoom:
            continue  # it was deleted meanwhile
        except StoreError as error:
            report.failed += 1
            log.warning("room %s: not purged: %s", info.room, error)
    return report


async def keep_purging(work: Callable[[], Awaitable[Report]], every_s: float = EVERY_S) -> None:
    """Do it now and every so often, for ever."""
    while True:
        try:
            report = await work()
            if report.versions or report.damaged_rows or report.unused_rooms:
                log.info("purged", extra={"fields": asdict(report)})
        except StoreError as error:
            log.warning("nothing is purged: %s", error)
        await anyio.sleep(every_s)
