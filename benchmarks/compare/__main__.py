"""`./dev bench`: measures ours and other Yjs servers side by side and prints one table with ratios."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare import load, machine, peers
from benchmarks.compare.bench import Bench
from benchmarks.compare.cores import Cores
from benchmarks.compare.figures import Measured
from benchmarks.compare.page import write_page
from benchmarks.compare.peers import OURS, PEERS_IN_ORDER, Peer, PeerError
from benchmarks.compare.results import Results, read, write
from benchmarks.compare.scenario import Scenario
from benchmarks.compare.scenarios import SCENARIOS, named
from benchmarks.compare.table import faults, growth_lines, table
from frontend.build import BuildError

BUSY = 0.5  # load average: the benchmark itself has not begun
QUICK_PEERS = ("coplayer", "hocuspocus", "y-websocket", "pycrdt-websocket")


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 1 when ours failed somewhere, or a program that is needed is missing."""
    arguments = _parser().parse_args(argv)
    if arguments.read:
        return _tell(read(arguments.read), arguments)
    try:
        scenarios = named(arguments.scenarios)
    except KeyError as error:
        print(f"There is no scenario {error}. There are: {', '.join(s.name for s in SCENARIOS)}", file=sys.stderr)
        return 2
    if arguments.quick and not arguments.scenarios:
        scenarios = tuple(scenario for scenario in scenarios if scenario.is_quick)
    bench = Bench(Cores.of_this_machine(), seconds=arguments.seconds or (2.0 if arguments.quick else 5.0))
    chosen = _peers(arguments)
    repeat = arguments.repeat or (1 if arguments.quick else 3)
    try:
        load.generator()
        if any(not peer.is_ours for peer in chosen):
            peers.install()
    except (load.LoadError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1
    machine.raise_file_limit()
    if machine.load_average() > BUSY:
        print(f"Others use this machine: its load is {machine.load_average():.1f}. No figure is to be trusted.\n")
    results = Results.now(repeat)
    _measure(results, scenarios, chosen, bench, arguments.json)
    return _tell(results, arguments)


def _tell(results: Results, arguments: argparse.Namespace) -> int:
    """Prints the table and what failed, writes the files that were asked for; the exit status."""
    summaries = results.summaries()
    print("\n" + table(SCENARIOS, summaries, results.servers()) + "\n")
    for line in (*growth_lines(results.runs), *faults(summaries)):
        print(line)
    if arguments.json:
        print(f"Everything that was measured: {arguments.json}")
    if arguments.write_docs:
        write_page(results)
    return 1 if any(found[OURS.name].fault for found in summaries.values() if OURS.name in found) else 0


def _measure(
    results: Results, scenarios: Sequence[Scenario], chosen: Sequence[Peer], bench: Bench, file: Path | None
) -> None:
    """Every repetition starts at the other end of the row of servers, so that none is always measured first.

    `file` holds what was measured so far after each scenario, should the rest be interrupted.
    """
    for scenario in scenarios:
        servers = [peer for peer in chosen if scenario.takes(peer)]
        runs = results.runs[scenario.name] = {peer.name: [] for peer in servers}
        for repetition in range(1 if scenario.is_once else results.repeat):
            for peer in servers if repetition % 2 == 0 else reversed(servers):
                measured = _measure_once(scenario, peer, bench)
                runs[peer.name].append(measured)
                results.minutes = round((time.time() - results.began) / 60, 1)
                print(_line(scenario, peer, measured), flush=True)
        if file is not None:
            write(results, file)


def _measure_once(scenario: Scenario, peer: Peer, bench: Bench) -> Measured:
    try:
        return scenario.measure(peer, bench)
    except (PeerError, load.LoadError) as error:
        return Measured(fault=str(error))


def _line(scenario: Scenario, peer: Peer, measured: Measured) -> str:
    if measured.fault:
        return f"{scenario.name:16} {peer.name:24} failed: {measured.fault}"
    values = "  ".join(
        f"{m.key} {measured.values[m.key]:.{m.digits}f}" for m in scenario.metrics if m.key in measured.values
    )
    return f"{scenario.name:16} {peer.name:24} {values}  (generator {measured.generator_share:.0%})"


def _peers(arguments: argparse.Namespace) -> tuple[Peer, ...]:
    if arguments.only_ours:
        return (OURS,)
    if arguments.peers:
        return tuple(peer for peer in PEERS_IN_ORDER if peer.is_ours or peer.name in arguments.peers.split(","))
    if arguments.quick:
        return tuple(peer for peer in PEERS_IN_ORDER if peer.name in QUICK_PEERS)
    return PEERS_IN_ORDER


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("scenarios", nargs="*", help="all, or those whose names begin so")
    parser.add_argument("--quick", action="store_true", help="some scenarios, short and once: under 5 minutes in all")
    parser.add_argument("--only-ours", action="store_true", help="leave the other servers out")
    parser.add_argument("--peers", help="only these other servers, by commas")
    parser.add_argument("--repeat", type=int, help="repetitions, of which the median counts [3]")
    parser.add_argument("--seconds", type=float, help="of each window [5; quick: 2]")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--read", type=Path, help="measure nothing: take what --json wrote to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
