"""``python -m caesura.cli``: the command line, also where ``caesura`` is not on the path."""

import sys

from caesura.cli.command import main

sys.exit(main())
