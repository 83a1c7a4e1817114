"""How a run of the benchmarks measures."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.compare.cores import Cores


@dataclass(frozen=True, slots=True)
class Bench:
    """`seconds` of each window; a test of the benchmarks themselves makes everything fewer and faster."""

    cores: Cores
    seconds: float = 5.0
    scale: float = 1.0
    """Of numbers of people, rooms and shapes."""
    pace: float = 1.0
    """Of all times in a plan; 0.1 is ten times as fast."""

    def some(self, number: int) -> int:
        """A number, scaled; at least 2."""
        return number if self.scale == 1.0 else max(2, round(number * self.scale))
