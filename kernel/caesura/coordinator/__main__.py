"""``python -m caesura.coordinator --home PATH [--foreground]``."""

from __future__ import annotations

import sys

from caesura.coordinator.daemon import main

if __name__ == "__main__":
    sys.exit(main())
