"""`python -m agent`: the same as `coplayer`."""

import sys

from agent.cli import main

sys.exit(main())
