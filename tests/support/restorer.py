"""`python -m tests.support.restorer DATABASE`: backs it up and puts the copy in its place.

It says when it begins to do that, and when it has, so that it can be killed in between.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sync.backup import back_up, restore


def main(database: Path) -> None:
    """What an earlier one left is removed."""
    copy = database.with_name("copy-of-" + database.name)
    for left in (copy, *database.parent.glob(database.name + ".before-restore-*")):
        left.unlink(missing_ok=True)
    back_up(database, copy)
    sys.stdout.write("restoring\n")
    restore(copy, database)
    sys.stdout.write("restored\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
