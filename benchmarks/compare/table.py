"""The figures as one table: Markdown, which a terminal shows as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.compare.figures import Comparison, Measured, Metric, Summary, compare
from benchmarks.compare.peers import OURS
from benchmarks.compare.scenario import Scenario

MAX_GENERATOR_SHARE = 0.7
Summaries = Mapping[str, Mapping[str, Summary]]
"""Scenario -> server -> what it came to."""
SHORT = {
    "coplayer": "coplayer",
    "hocuspocus": "Hocuspocus",
    "hocuspocus-sqlite": "Hocuspocus, SQLite",
    "y-websocket": "y-websocket-server",
    "y-websocket-leveldb": "y-websocket-server, LevelDB",
    "pycrdt-websocket": "pycrdt-websocket",
    "pycrdt-websocket-sqlite": "pycrdt-websocket, SQLite",
}


def table(scenarios: Sequence[Scenario], summaries: Summaries, servers: Sequence[str]) -> str:
    """One line a figure; `servers` are the columns, ours first."""
    others = [name for name in servers if name != OURS.name]
    head = ["scenario", "figure", SHORT[OURS.name], *(SHORT[name] for name in others), "ratio", "target", "met"]
    rows = [head]
    for scenario in scenarios:
        found = summaries.get(scenario.name)
        if found:
            rows += [_row(scenario, metric, found, others) for metric in scenario.metrics]
    return _align(rows)


def faults(summaries: Summaries) -> list[str]:
    """Why rows failed, and where the generator was too busy for the figure to be trusted."""
    lines = []
    for scenario, found in summaries.items():
        for server, summary in found.items():
            if summary.fault:
                lines.append(f"{scenario}, {SHORT[server]}: failed: {summary.fault}")
            if summary.generator_share > MAX_GENERATOR_SHARE:
                share = f"{summary.generator_share:.0%}"
                lines.append(f"{scenario}, {SHORT[server]}: the load generator used {share} of its core (*)")
    return lines


def growth_lines(runs: Mapping[str, Mapping[str, Sequence[Measured]]]) -> list[str]:
    """The curves behind exponents and knees: size and cost of each point of the last run."""
    lines = []
    for scenario, found in runs.items():
        for server, measured in found.items():
            points = measured[-1].details.get("points") if measured else None
            if isinstance(points, list):
                curve = ", ".join(f"{size}: {cost:.2f}" for size, cost in points)
                lines.append(f"{scenario}, {SHORT[server]}: {curve}")
    return lines


def _row(scenario: Scenario, metric: Metric, found: Mapping[str, Summary], others: Sequence[str]) -> list[str]:
    rest = {name: found[name] for name in others if name in found}
    line = compare(metric, found.get(OURS.name), rest)
    cells = [_cell(metric, found.get(name)) for name in (OURS.name, *others)]
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    return [
        scenario.name,
        metric.name,
        *cells,
        ratio,
        metric.target(),
        _met(line),
    ]


def _met(line: Comparison) -> str:
    return {None: "", True: "yes", False: "**no**"}[line.is_met]


def _cell(metric: Metric, summary: Summary | None) -> str:
    if summary is None:
        return ""
    if summary.fault:
        return "failed"
    value = summary.values.get(metric.key)
    flag = " *" if summary.generator_share > MAX_GENERATOR_SHARE else ""
    return "" if value is None else f"{value:.{metric.digits}f}{flag}"


def _align(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
