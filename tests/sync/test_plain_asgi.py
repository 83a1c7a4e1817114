"""The server through ASGI's `send` and `receive`: sockets, limits and restarts as on raw sockets (W14)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server
from tests.sync.test_server import (
    test_c1_text_frames_and_nonsense_are_closed_with_4400,
    test_g7_an_assistant_needs_a_living_lease,
    test_s2_what_was_acknowledged_survives_sigkill,
    test_s8_sigterm_with_many_connections_ends_at_once_and_with_status_0,
    test_w3_a_frame_may_hold_several_messages,
)

__all__ = [
    "test_c1_text_frames_and_nonsense_are_closed_with_4400",
    "test_g7_an_assistant_needs_a_living_lease",
    "test_s2_what_was_acknowledged_survives_sigkill",
    "test_s8_sigterm_with_many_connections_ends_at_once_and_with_status_0",
    "test_w3_a_frame_may_hold_several_messages",
]
pytestmark = pytest.mark.anyio


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """As tests/conftest.py's, without the raw transport."""
    with Server(tmp_path / "data", "--no-raw-transport") as running:
        yield running
    assert "Traceback" not in running.output, running.output
