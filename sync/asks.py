"""What connections ask for over and over: the document (step 1) and presence. docs/spec.md W16. Pure.

Some answers are given at once; what is asked for beyond that is answered when the second is over, presence once and the
document as of the last state vector. So nobody misses anything, and asking costs the room a bounded sum.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.presence import ConnectionId

STEP2S_AT_ONCE = 20  # of a connection in a second; stock clients ask when they connect, or every few seconds
STEP2_BYTES_AT_ONCE = 2**20  # after so much of them in a second the next waits, too: 10 MB take long to write out
MAX_WAITING = 20  # step 1s that wait; who asks more often is closed with 4529


class AsksTooMuch(Exception):
    """More is asked for than is ever answered."""


@dataclass(slots=True)
class _Asked:
    """By one connection in this second."""

    step2s: int = 0
    step2_bytes: int = 0
    vector: bytes = b""
    """The last that waits."""
    waiting: int = 0
    has_presence: bool = False
    wants_presence: bool = False


class Asks:
    """Of one room."""

    def __init__(self) -> None:
        self._asked: dict[ConnectionId, _Asked] = {}

    def document(self, connection: ConnectionId, vector: bytes) -> bool:
        """It asks; is it answered at once? Raises AsksTooMuch."""
        asked = self._asked.setdefault(connection, _Asked())
        if not asked.waiting and asked.step2s < STEP2S_AT_ONCE and asked.step2_bytes < STEP2_BYTES_AT_ONCE:
            asked.step2s += 1
            return True
        if asked.waiting == MAX_WAITING:
            raise AsksTooMuch
        asked.waiting += 1
        asked.vector = vector
        return False

    def answered(self, connection: ConnectionId, size: int) -> None:
        """With so many bytes of the document."""
        self._asked[connection].step2_bytes += size

    def presence(self, connection: ConnectionId) -> bool:
        """It asks; is it answered at once?"""
        asked = self._asked.setdefault(connection, _Asked())
        asked.wants_presence = asked.has_presence
        is_first, asked.has_presence = not asked.has_presence, True
        return is_first

    def forget(self, connection: ConnectionId) -> None:
        """It is gone."""
        self._asked.pop(connection, None)

    def tick(self) -> list[tuple[ConnectionId, bytes, int, bool]]:
        """A second is over. Who is owed what: (connection, state vector, step 1s it answers, presence?)."""
        if not self._asked:
            return []
        asked, self._asked = self._asked, {}
        owed = [
            (connection, one.vector, one.waiting, one.wants_presence)
            for connection, one in asked.items()
            if one.waiting or one.wants_presence
        ]
        for connection, _, waiting, wants_presence in owed:  # what they get now is the first of the next second
            self._asked[connection] = _Asked(step2s=min(1, waiting), has_presence=wants_presence)
        return owed
