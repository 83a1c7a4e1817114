"""Power failures, the short form; `./dev bench power --points 2000` is the long one."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.durability.looks import look
from benchmarks.durability.work import record
from tests.support.disk import Create, Disk, Event, Remove, Rename, Sync, SyncFolder, Truncate, Write
from tests.support.vfs import CannotRecord

pytestmark = pytest.mark.timeout(240)
POINTS = 60
CONTROL_POINTS = 15


def test_s1_s5_what_was_told_is_there_when_the_power_comes_back_and_on_a_disk_that_ignores_syncs_it_is_not() -> None:
    with ThreadPoolExecutor(1) as thread:  # they start event loops, and this one may have one
        try:
            events = thread.submit(record, edits=6, seed=7).result()
        except CannotRecord as reason:
            pytest.skip(str(reason))
        totals = thread.submit(look, events, POINTS, seed=7).result()
        fooled = thread.submit(look, events, CONTROL_POINTS, seed=7, obeys=False).result()
    assert totals.is_clean, totals
    assert fooled.lost or fooled.unreadable or fooled.damaged, "these looks would find no loss at all"


def found(events: list[Event], tries: int = 200) -> set[tuple[tuple[str, bytes], ...]]:
    """All folders that may be found after them."""
    disk = Disk()
    disk.perform(events)
    return {tuple(sorted(disk.after_power_failure(random.Random(seed)).items())) for seed in range(tries)}


def test_what_was_synced_is_there_and_what_came_since_may_be_torn_at_a_sector_or_gone() -> None:
    old, new = b"o" * 1024, b"n" * 1024
    events: list[Event] = [Create("f"), SyncFolder(), Write("f", 0, old), Sync("f"), Write("f", 0, new)]
    contents = {content for ((_, content),) in found(events)}
    assert contents == {old, new, old[:512] + new[512:], new[:512] + old[512:]}
    assert found([*events, Sync("f")]) == {(("f", new),)}


def test_writes_since_a_sync_may_come_in_another_order() -> None:
    events: list[Event] = [Create("f"), SyncFolder(), Write("f", 0, b"a"), Write("f", 1, b"b"), Truncate("f", 1)]
    assert {content for ((_, content),) in found(events)} == {b"", b"\0", b"a", b"ab", b"\0b"}


def test_names_are_durable_with_their_folder_and_a_rename_is_one_step() -> None:
    made: list[Event] = [Create("new"), Write("new", 0, b"n"), Sync("new"), Create("old"), SyncFolder()]
    before, after = (("new", b"n"), ("old", b"")), (("old", b"n"),)
    assert found([*made, Rename("new", "old")]) == {before, after}
    assert found([*made, Rename("new", "old"), SyncFolder()]) == {after}
    assert found([*made, Remove("old")]) == {before, (("new", b"n"),)}
