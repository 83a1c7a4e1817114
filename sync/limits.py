"""How much one person may do: buckets of whole numbers, filled by time and emptied by subtraction. docs/spec.md A10.

A bucket holds several times what flows in: who has been quiet may do much at once, such as bring a day's work from
offline. Pure; the hub passes the time in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

COST = 1_000  # of one message, connection or room: buckets count thousandths, so that short beats fill them too
UPDATES_BURST_S = 10  # seconds' worth of changes at once: 2 000 of them, an undo of everything
BURST_MINUTES = 16  # minutes' worth of bytes and of work at once: 16 MiB, four times the largest step 2
CONNECTS_BURST_S = 30  # seconds' worth of connections at once: an office behind one address that comes back
ROOMS_BURST_MINUTES = 2  # minutes' worth of new rooms at once
HELD_S = 30.0  # who is still too quick after so long is asked to come back later (4529)
TIMED_BYTES = 2_048  # smaller frames are bounded by their number: 200 a second take less than a second a minute
MAX_KEYS = 100_000  # people and addresses that are remembered; past it the longest known go
UNLIMITED = 2**62

TOO_QUICK = "Too many changes in a short time; connect again in a moment."
GREW_TOO_MUCH = "You have added more than may be added in a short time; it is taken in some minutes."
WORKED_TOO_MUCH = "Your changes take too much work to check; they are taken in some minutes."
TOO_MANY_ROOMS = "You have made many boards in a short time; wait a minute."
TOO_MANY_CONNECTS = "Too many connections from your address in a short time; try again in a moment."
OPEN_TOO_OFTEN = "You have this board open too often; close some of its pages."


class Bucket:
    """`flow` units a second; never holds more than `most`. A flow of 0 is no limit."""

    __slots__ = ("flow", "left", "most")

    def __init__(self, flow: float, seconds: float) -> None:
        self.flow = flow
        self.left = self.most = int(flow * seconds) or UNLIMITED

    def fill(self, passed_s: float) -> None:
        """Time has passed."""
        self.left = min(self.most, self.left + int(self.flow * passed_s)) if self.flow else self.most

    @property
    def is_full(self) -> bool:
        """Nothing was taken, or it has all flowed back."""
        return self.left >= self.most


class Buckets:
    """One a key, made when it is needed. `flow` things a second, `seconds` worth at once."""

    def __init__(self, flow: float, seconds: float) -> None:
        self._flow, self._seconds = flow * COST, seconds
        self._known: dict[str, tuple[Bucket, float]] = {}

    def take(self, key: str | None, now: float) -> bool:
        """One more of `key` at `now`; False when there have been too many. Nobody (None) is not counted."""
        if key is None or not self._flow:
            return True
        bucket, then = self._known.pop(key) if key in self._known else (Bucket(self._flow, self._seconds), now)
        bucket.fill(max(0.0, now - then))
        self._known[key] = bucket, now
        if len(self._known) > MAX_KEYS:
            del self._known[next(iter(self._known))]
        if bucket.left < COST:
            return False
        bucket.left -= COST
        return True


@dataclass(slots=True)
class Account:
    """The bytes that one person may still send to documents, over `users` connections of theirs."""

    growth: Bucket
    users: int = 0


class Limited(Protocol):
    """The settings that are heeded here; 0 is no limit."""

    @property
    def max_updates_per_s(self) -> int:
        """A connection."""
        ...

    @property
    def max_work_s_per_minute(self) -> float:
        """A connection."""
        ...


class Spending:
    """What one connection may still do. Whoever takes its messages lowers `updates`, `growth` and `work`."""

    __slots__ = ("_before", "_held_s", "_seen", "account", "growth", "is_held", "updates", "work")

    def __init__(self, account: Account, limited: Limited | None) -> None:
        self.account = account
        self.growth = account.growth
        self.updates = Bucket(0 if limited is None else limited.max_updates_per_s * COST, UPDATES_BURST_S)
        self.work = Bucket(0 if limited is None else limited.max_work_s_per_minute / 60 * 1e6, BURST_MINUTES * 60)
        """Microseconds."""
        self.is_held = False
        """It is not read on until there is something in `updates` again."""
        self._held_s = 0.0
        self._seen = 0
        self._before = self.updates.left

    @property
    def refusal(self) -> str | None:
        """Why its changes are not taken now, if so."""
        if self.growth.left < 0:
            return GREW_TOO_MUCH
        return WORKED_TOO_MUCH if self.work.left < 0 else None

    @property
    def is_good_again(self) -> bool:
        """A sixteenth of the buckets is there again, a minute's worth: not one message at a time."""
        return all(bucket.left * BURST_MINUTES >= bucket.most for bucket in (self.growth, self.work))

    def beat(self, passed_s: float, updates: int) -> bool:
        """Time has passed; `updates` have come so far, several of them in a frame perhaps. Is it too quick for good?"""
        bucket = self.updates
        frames = (self._before - bucket.left) // COST
        bucket.left -= max(0, updates - self._seen - frames) * COST
        self._seen = updates
        bucket.fill(passed_s)
        self._before = bucket.left
        self.work.fill(passed_s)
        self._held_s = self._held_s + passed_s if self.is_held else 0.0
        return self._held_s >= HELD_S
