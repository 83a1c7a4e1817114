"""Puts the table into docs/performance.md, between two comments; what stands around it is written by hand."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.compare.results import Results
from benchmarks.compare.scenarios import SCENARIOS
from benchmarks.compare.table import faults, growth_lines, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN = "<!-- table: written by ./dev bench --write-docs -->"
END = "<!-- end of the table -->"


def rendered(results: Results) -> str:
    """The part of the page that is written by a program."""
    summaries = results.summaries()
    date = time.strftime("%Y-%m-%d", time.gmtime(results.began))
    times = "once" if results.repeat == 1 else f"{results.repeat} times, medians"
    lines = [
        f"Measured on {date}, each server {times}, {results.minutes:g} minutes in all."
        f" Load average before: {results.load:g}.",
        "",
        f"Machine: {_listed(results.machine)}.",
        f"Versions: {_listed(results.versions)}.",
        "",
        table(SCENARIOS, summaries, results.servers()),
    ]
    if curves := growth_lines(results.runs):
        lines += ["", "Growth, size: cost:", "", *(f"- {line}" for line in curves)]
    if failures := faults(summaries):
        lines += ["", "What failed, and why:", "", *(f"- {line}" for line in failures)]
    return "\n".join(lines)


def _listed(named: dict[str, str]) -> str:
    return "; ".join(
        value if name in ("cpu", "memory", "system") else f"{name} {value}" for name, value in named.items()
    )


def with_table(page: str, part: str) -> str:
    """The page with its table replaced. Raises ValueError when the comments are not there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{part}\n\n{END}{after}"


def write_page(results: Results) -> None:
    """Replaces the table of docs/performance.md."""
    PAGE.write_text(with_table(PAGE.read_text(), rendered(results)))
    print(f"The table is in {PAGE.relative_to(PAGE.parents[1])}.")
