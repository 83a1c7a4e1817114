"""What is counted while losses are looked for, and how it is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from time import monotonic
from typing import Self


@dataclass(slots=True)
class Counts:
    """Base of totals whose fields are numbers, and lists of sentences about what is wrong."""

    def __add__(self, other: Self) -> Self:
        """Numbers add up, lists are joined."""
        return type(self)(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


class Table:
    """Heads and their columns' widths; the last column tells the seconds since it was made."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        self._heads = (*widths, "seconds")
        self._row = " ".join(f"{{:>{width}}}" for width in (*widths.values(), 8))
        self._began = monotonic()

    def begin(self) -> None:
        """Print the heads."""
        print(self._row.format(*self._heads), flush=True)

    def row(self, counts: Sequence[int]) -> None:
        """Print what was counted so far."""
        print(self._row.format(*counts, f"{monotonic() - self._began:.0f}"), flush=True)

    def end(self, counts: Sequence[int]) -> None:
        """Print the totals."""
        print("total")
        self.row(counts)


def print_faults(*kinds: Sequence[str], most: int = 20) -> None:
    """At most so many of each kind."""
    for kind in kinds:
        for fault in kind[:most]:
            print("  " + fault)
