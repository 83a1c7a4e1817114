"""A connection without traffic stays. A stock client gives up after 30 s in which it heard nothing."""

from __future__ import annotations

import time

from tests.interop.idle import IdleClients

IDLE_S = 40


def test_w6_h8_connections_without_traffic_hold_for_40_s(idle_clients: IdleClients) -> None:
    clients = idle_clients.clients
    # Time itself is what is tested here; most of it has passed during the tests before this one.
    time.sleep(max(0, max(client.connected_at for client in clients) + IDLE_S - time.monotonic()))
    for client in clients:
        state = client.state()
        assert (state["connected"], state["synced"], state["closes"]) == (True, True, [])
