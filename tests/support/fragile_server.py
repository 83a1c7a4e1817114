"""`python -m tests.support.fragile_server ...`: the server, whose room workers have a library that ends the process on
POISON; with `--worker` before all else, such a worker."""

from __future__ import annotations

import sys

import sync.room
from sync import cli, worker, workers
from tests.support.fragile import DeadlyDoc

if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        del sys.argv[1]
        setattr(sync.room, "Doc", DeadlyDoc)  # noqa: B010 - mypy: the module does not export it
        worker.main()
    else:
        workers.PROGRAM = ("-m", "tests.support.fragile_server", "--worker")
        sys.exit(cli.main())
