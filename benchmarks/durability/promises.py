"""What people were told while a disk was recorded, and so what must be there after a power failure."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

from tests.support.disk import Event, Told

What = Literal["value", "version", "lease", "deleting", "deleted", "backing up", "backed up", "restoring", "restored"]


@dataclass(frozen=True, slots=True)
class Promise:
    """What somebody was told. `number` is a value that only rises, the id of a version, or an epoch."""

    what: What
    room: str = ""
    key: str = ""
    number: int = 0


@dataclass(slots=True)
class Promised:
    """All of it: by room, what must be in it."""

    values: dict[tuple[str, str], int] = field(default_factory=dict)
    versions: set[tuple[str, int]] = field(default_factory=set)
    epochs: dict[str, int] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def hear(self, promise: Promise) -> None:
        """One more."""
        place = promise.room, promise.key
        match promise.what:
            case "value":
                self.values[place] = max(promise.number, self.values.get(place, 0))
            case "version":
                self.versions.add((promise.room, promise.number))
            case "lease":
                self.epochs[promise.room] = promise.number
            case "deleted":
                self.deleted.add(promise.room)
            case "deleting":
                for gone in [found for found in self.values if found[0] == promise.room]:
                    del self.values[gone]
            case "backing up" | "backed up" | "restoring" | "restored":
                return


class Promises:
    """What may be expected as events go by. While a backup is put in place, either of two states may be found."""

    def __init__(self) -> None:
        self.now = [Promised()]
        self.backup: Promised | None = None
        """What a backup that is said to be there must have."""
        self._at_backup = Promised()

    def hear(self, events: Sequence[Event]) -> None:
        """They have happened."""
        for event in events:
            if not isinstance(event, Told):
                continue
            promise: Promise = event.what
            match promise.what:
                case "backing up":
                    self._at_backup, self.backup = deepcopy(self.now[0]), None
                case "backed up":
                    self.backup = self._at_backup
                case "restoring":
                    self.now.append(deepcopy(self._at_backup))
                case "restored":
                    del self.now[0]
                case _:
                    self.now[0].hear(promise)
