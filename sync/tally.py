"""What a server has done so far, as plain numbers on one object; sync/metrics.py shows them.

A count costs an addition, and none is made for each connection that a message goes out to. Times are observed once a
write to the log, once a round of messages, once a beat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


def _unseen(seconds: float) -> None:
    """Nobody looks at these times."""


@dataclass(slots=True)
class Tally:
    """Of one hub. Everything only grows; sizes in bytes, times in seconds."""

    joins: int = 0
    received_messages: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    """Given to connections, keep-alives and framing not counted, increments that a lagging one skips included."""
    updates: int = 0
    """Made durable."""
    stored_bytes: int = 0
    acks: int = 0
    refused_updates: int = 0
    """Of readers, who are told and stay."""
    store_errors: int = 0
    broken_rooms: int = 0
    """Left memory because the document there was not what the log says."""
    damaged_loads: int = 0
    """Rooms read whose log has damaged rows."""
    closed: Counter[int] = field(default_factory=Counter)
    """Connections that ended by our close code; 0: by themselves."""
    rejected: Counter[int] = field(default_factory=Counter)
    """Connections, or documents of one, that were not let in, by close code."""
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    """HTTP requests by method and status."""
    observe_commit: Callable[[float], None] = _unseen
    """From giving a batch of a room to the store until it is durable."""
    observe_flush: Callable[[float], None] = _unseen
    """Telling a room's connections what has gathered: encode, frame, write."""
    observe_lag: Callable[[float], None] = _unseen
    """How late the event loop's beat came."""
