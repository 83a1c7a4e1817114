"""How a document grows in an hour of drawing by three people, against the same shapes written once.

`python benchmarks/growth.py [--gestures 10000]` prints one line. The gestures go through the board's own write and undo
code, so this runs frontend/test/growth.test.ts; it needs node and the client's node_modules.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent.parent / "frontend"


def main() -> None:
    """From the command line. Exits with vitest's status when the document grew too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gestures", type=int, default=10_000)
    environ = {**os.environ, "GROWTH_GESTURES": str(parser.parse_args().gestures)}
    command = ["npx", "vitest", "run", "test/growth.test.ts"]
    done = subprocess.run(command, cwd=FRONTEND, env=environ, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if " gestures: " in line]
    print("\n".join(lines) or done.stdout + done.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
