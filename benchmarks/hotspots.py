"""Where the server's CPU time goes: the ten functions that take most, in fan-out to 100, a mesh of 50 and 500 rooms.

`python benchmarks/hotspots.py` (Linux, a C compiler). The server runs under cProfile, which makes calls of Python
dearer than they are and sees neither the kernel by itself nor other threads: shares are to be read, not times. The
first line of each table is what the server costs without the profiler.
"""

from __future__ import annotations

import argparse
import os
import pstats
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.compare import load, peers, plans
from benchmarks.compare.bench import Bench
from benchmarks.compare.cores import Cores
from benchmarks.compare.plan import Plan, Target
from benchmarks.compare.scenario import run_plan
from benchmarks.compare.watched import PROFILE
from tests.support.program import REPOSITORY, Program, clean_environ

PLANS = {
    "fanout-100": lambda seconds: plans.fan_out(100, seconds),
    "mesh-50": lambda seconds: plans.mesh(50, seconds),
    "rooms-500": lambda seconds: plans.busy_rooms(500, seconds),
}


def profile(plan: Plan, folder: Path, bench: Bench) -> tuple[load.Result, Path]:
    """Ours under cProfile while the plan runs, start and end left out."""
    port, file = peers.free_port(), folder / "profile"
    flags = ("--port", str(port), "--data", str(folder / "data"), "--profiles", "bench*=board")
    program = Program(["-m", "benchmarks.compare.watched", "serve", *flags], clean_environ(**{PROFILE: str(file)}))
    try:
        program.wait_for_line("^coplayer: ")
        target = Target("127.0.0.1", port, "y-websocket", "/sync/", bench.cores.pin_server(program.pid))
        os.kill(program.pid, signal.SIGUSR2)
        result = load.run(plan, target, bench)
        os.kill(program.pid, signal.SIGUSR2)
        program.wait_for_line("^profile written")
    finally:
        program.stop()
    return result, file


def top(profile: Path, lines: int) -> list[str]:
    """Functions by the time that is their own: share, calls, where."""
    stats = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]  # not in the type stubs
    rows = [
        (own, calls, f"{_short(file)}:{line} {name}" if line else name)
        for (file, line, name), (_, calls, own, _, _) in stats.items()
    ]
    total = sum(own for own, _, _ in rows)
    rows.sort(reverse=True)
    return [f"  {own / total:6.1%} {calls:10} calls  {where}" for own, calls, where in rows[:lines]]


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else "/".join(path.parts[-2:])


def show(name: str, plan: Plan, bench: Bench, lines: int) -> None:
    """One table. Raises LoadError, PeerError."""
    plain = run_plan(peers.OURS, bench, plan)
    if plain.fault:
        raise load.LoadError(plain.fault)
    window = plain.windows[0]
    print(
        f"\n{name}: {window.cpu_us_per_delivery:.2f} us per delivery, p99 {window.all.p99_ms:.2f} ms without profiler"
    )
    with tempfile.TemporaryDirectory(prefix="coplayer-profile-") as folder:
        result, file = profile(plan, Path(folder), bench)
        print("\n".join(top(file, lines)))
    if result.fault:
        print(f"  under the profiler: {result.fault}")


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("plans", nargs="*", choices=[*PLANS, []], help="both, or one of them")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--lines", type=int, default=10)
    arguments = parser.parse_args()
    bench = Bench(Cores.of_this_machine(), seconds=arguments.seconds)
    try:
        for name in arguments.plans or PLANS:
            show(name, PLANS[name](arguments.seconds), bench, arguments.lines)
    except (load.LoadError, peers.PeerError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
