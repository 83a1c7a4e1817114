"""The restore drill in short; the long form is `python benchmarks/restore_drill.py --edits 20000 --writers 8`."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from benchmarks.restore_drill import drill, missing
from tests.support.server import Server

pytestmark = pytest.mark.anyio


async def test_what_was_confirmed_before_a_backup_is_in_it_and_the_rest_comes_back_with_its_writers(
    tmp_path: Path,
) -> None:
    result = await drill(tmp_path, edits=90, writers=3, rooms=2)
    assert result.confirmed >= 90
    assert result.before_backup >= 45
    assert result.after_backup >= 45, "it was written while the backup was taken"


async def test_the_drill_names_an_edit_that_is_not_there_or_not_as_it_was(server: Server) -> None:
    headers = {"content-type": "application/merge-patch+json"}
    shapes = {"w0-0": {"x": 0, "text": "edit 0 of w0"}, "w0-1": {"x": 7, "text": "edit 1 of w0"}}
    httpx.post(f"{server.url}/api/rooms", json={"room": "a"}).raise_for_status()
    httpx.patch(f"{server.url}/api/rooms/a/doc", json={"shapes": shapes}, headers=headers).raise_for_status()
    wanted = {"a": {"w0-0": 0, "w0-1": 1, "w0-2": 2}, "b": {"w1-0": 0}}
    assert missing(server.url, wanted) == {"a": ["w0-1", "w0-2"], "b": ["w1-0"]}
