"""What every tier of tests shares."""

from __future__ import annotations

import os

# The suite decides about homes and policies itself; a developer's own settings must not leak in.
for _name in ("CAESURA_HOME", "CAESURA_WORKERS", "CAESURA_TEST_POINTS", "JPY_PARENT_PID"):
    os.environ.pop(_name, None)
