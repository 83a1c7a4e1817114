"""Stock clients on a server that goes through ASGI, as others than uvicorn do: what holds on raw sockets (W14)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.test_mixed import test_clients_of_both_dialects_reconcile_what_they_did_while_the_server_was_dead
from tests.interop.test_y_websocket import (
    test_c1_a_final_close_code_stops_the_client,
    test_p6_a_killed_client_vanishes_in_under_a_second,
    test_w2_both_draw_while_the_server_is_dead_and_nothing_is_lost,
)
from tests.support.server import Server

__all__ = [
    "test_c1_a_final_close_code_stops_the_client",
    "test_clients_of_both_dialects_reconcile_what_they_did_while_the_server_was_dead",
    "test_p6_a_killed_client_vanishes_in_under_a_second",
    "test_w2_both_draw_while_the_server_is_dead_and_nothing_is_lost",
]
pytestmark = pytest.mark.anyio


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """As tests/conftest.py's, without the raw transport."""
    with Server(tmp_path / "data", "--no-raw-transport") as running:
        yield running
    assert "Traceback" not in running.output, running.output
