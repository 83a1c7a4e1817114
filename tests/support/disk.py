"""A disk that loses its power: what may be found on it afterwards, of the writes and names that went to it. Pure.

What was synced is there. Of everything since, each sector of each write may be there or not, whatever the order; so may
each change of a file's length and each change of a name. That is more than most disks and file systems do to anybody.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SECTORS = (512, 4096)
KEPT = (0.0, 0.1, 0.5, 0.9, 1.0)  # of what was not synced


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at an offset of a file."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file's length."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """A file's content is durable when this has happened."""

    name: str


@dataclass(frozen=True, slots=True)
class Create:
    """An empty file under a name that nothing had."""

    name: str


@dataclass(frozen=True, slots=True)
class Link:
    """`name` stands for the file of `old`, too; whatever had that name before is gone."""

    old: str
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """`name` stands for the file of `old`, which stands for nothing: both or neither."""

    old: str
    name: str


@dataclass(frozen=True, slots=True)
class Remove:
    """The name stands for nothing."""

    name: str


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """All names are durable when this has happened."""


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody outside was told something, which must hold from now on."""

    what: Any


Event = Write | Truncate | Sync | Create | Link | Rename | Remove | SyncFolder | Told


@dataclass(slots=True)
class _File:
    """`durable` is what a sync has left, `unsynced` what came since."""

    durable: bytearray = field(default_factory=bytearray)
    unsynced: list[Write | Truncate] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.unsynced:
            _apply(self.durable, change)
        self.unsynced.clear()

    def after(self, rng: random.Random, kept: float, sector: int) -> bytes:
        """What may be there when the power is back."""
        content = bytearray(self.durable)
        for change in self.unsynced:
            if isinstance(change, Truncate):
                if rng.random() < kept:
                    _apply(content, change)
                continue
            for part in _sectors(change, sector):
                if rng.random() < kept:
                    _apply(content, part)
        return bytes(content)


class Disk:
    """One folder. `obeys` False is a disk that says it has synced and has not: with it, checks must find losses."""

    def __init__(self, *, obeys: bool = True) -> None:
        self._obeys = obeys
        self._names: dict[str, _File] = {}
        self._durable_names: dict[str, _File] = {}
        self._unsynced: list[dict[str, _File | None]] = []
        """Changes of names since the folder was synced; None is a name that stands for nothing."""

    def perform(self, events: Iterable[Event]) -> None:
        """They happen, in order."""
        for event in events:
            self._perform(event)

    def _perform(self, event: Event) -> None:
        match event:
            case Rename(old) if old not in self._names:
                return  # SQLite's index of its log: shared memory, of which nothing survives and nothing is needed
            case Write(name) | Truncate(name):
                self._names[name].unsynced.append(event)
            case Sync(name):
                if self._obeys:
                    self._names[name].sync()
            case Create(name):
                self._name({name: _File()})
            case Link(old, name):
                self._name({name: self._names[old]})
            case Rename(old, name):
                self._name({name: self._names[old], old: None})
            case Remove(name):
                self._name({name: None})
            case SyncFolder():
                self._durable_names = dict(self._names)
                self._unsynced.clear()
            case Told():
                return

    def _name(self, change: dict[str, _File | None]) -> None:
        self._unsynced.append(change)
        _rename(self._names, change)

    def after_power_failure(self, rng: random.Random) -> dict[str, bytes]:
        """A folder as it may be found: names and contents."""
        names = dict(self._durable_names)
        kept = rng.choice(KEPT)
        for change in self._unsynced:
            if rng.random() < kept:
                _rename(names, change)
        sector = rng.choice(SECTORS)
        contents: dict[int, bytes] = {}
        for file in names.values():
            if id(file) not in contents:
                contents[id(file)] = file.after(rng, rng.choice(KEPT), sector)
        return {name: contents[id(file)] for name, file in names.items()}


def _rename(names: dict[str, _File], change: dict[str, _File | None]) -> None:
    for name, file in change.items():
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file


def _apply(content: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        if change.size < len(content):
            del content[change.size :]
        else:
            content.extend(bytes(change.size - len(content)))
        return
    end = change.offset + len(change.data)
    if end > len(content):
        content.extend(bytes(end - len(content)))
    content[change.offset : end] = change.data


def _sectors(write: Write, size: int) -> Iterable[Write]:
    """The write cut where the disk's sectors end."""
    at, end = write.offset, write.offset + len(write.data)
    while at < end:
        stop = min(end, (at // size + 1) * size)
        yield Write(write.name, at, write.data[at - write.offset : stop - write.offset])
        at = stop
