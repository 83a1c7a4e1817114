"""What a child process was doing when it died: a file in shared memory, written before each step."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SIZE = 8 * 2**20  # the inputs of one trial; what does not fit is not kept, its seed makes it again
_HEAD = struct.Struct("<QQQQQQQQ")
FIELDS = ("trials", "inputs", "admitted", "refused", "asked", "seed", "step", "used")


@dataclass(slots=True)
class Counts:
    """Of one child so far: `trials` done, `inputs` given to the room and what became of them; which `seed` runs now.

    `step` changes with everything that is begun: as long as it stands, the child is at one and the same thing.
    """

    trials: int = 0
    inputs: int = 0
    admitted: int = 0
    refused: int = 0
    asked: int = 0
    seed: int = 0
    step: int = 0
    used: int = 0


class Journal:
    """Both sides open the same file; one writes, the other reads."""

    def __init__(self, path: Path, *, is_new: bool) -> None:
        if is_new:
            path.write_bytes(bytes(SIZE))
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), SIZE)
        self.counts = Counts()

    def begin(self, seed: int) -> None:
        """A new trial."""
        self.counts.seed = seed
        self.counts.used = 0
        self.save()

    def note(self, data: bytes) -> None:
        """This input comes now."""
        counts = self.counts
        counts.inputs += 1
        start = _HEAD.size + counts.used
        if start + 4 + len(data) <= SIZE:
            self._map[start : start + 4 + len(data)] = len(data).to_bytes(4, "little") + data
            counts.used += 4 + len(data)
        self.save()

    def save(self) -> None:
        """The counts as they are now, one step further."""
        counts = self.counts
        counts.step += 1
        _HEAD.pack_into(self._map, 0, *(getattr(counts, name) for name in FIELDS))

    def read(self) -> Counts:
        """The other side's counts."""
        return Counts(*_HEAD.unpack_from(self._map, 0))

    def inputs(self) -> Sequence[bytes]:
        """Of the trial that runs, or ran last."""
        used = self.read().used
        at, out = _HEAD.size, []
        while at < _HEAD.size + used:
            size = int.from_bytes(self._map[at : at + 4], "little")
            out.append(self._map[at + 4 : at + 4 + size])
            at += 4 + size
        return out

    def close(self) -> None:
        """Both sides."""
        self._map.close()
        self._file.close()
