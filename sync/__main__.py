"""`python -m sync`."""

import sys

from sync.stack import deepen

deepen()  # before everything else is imported, which would be done twice

from sync.cli import main  # noqa: E402

sys.exit(main())
