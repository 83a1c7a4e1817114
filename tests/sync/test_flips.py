"""Single flipped bytes, the short form; `./dev bench flips --flips 2000` is the long one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.flips import run
from sync.rows import MAX_GAP, checksum, damage, is_as_written, missing

pytestmark = pytest.mark.timeout(120)


def test_s10_every_flipped_byte_that_changes_a_row_is_found_and_what_verifies_is_served() -> None:
    with ThreadPoolExecutor(1) as thread:  # it starts event loops, and this one may have one
        totals = thread.submit(run, 40, seed=3).result()
    assert totals.is_clean, totals


def test_s10_a_checksum_covers_what_stands_beside_the_data_and_older_rows_have_one_of_the_data_alone() -> None:
    assert is_as_written(b"data", checksum(b"data"), 7, "ann")
    assert is_as_written(b"data", checksum(b"data", 7, "ann"), 7, "ann")
    assert not is_as_written(b"data", checksum(b"data", 7, "ann"), 8, "ann")
    assert not is_as_written(b"Data", checksum(b"data", 7, "ann"), 7, "ann")


def test_s10_a_number_that_rots_upwards_does_not_make_a_million_missing_rows() -> None:
    assert missing([1, 2, 5], 1, 6) == [3, 4, 6]
    assert missing([], 3, 2) == []
    assert len(missing([1, 2, 2**40], 1, 2**40)) == MAX_GAP
    assert len(missing([1, 2], 1, 2**40)) == MAX_GAP
    named = damage(2, [], [(1, b"", 0), (2, b"", 0), (9, b"", 0)], [])
    assert named == ["its log has a row 9, which its count does not"]
