"""What every tier of tests shares."""

from __future__ import annotations

import os

try:
    from hypothesis import settings
except ImportError:  # an environment in which only the product's own dependencies are tested
    pass
else:
    # The same examples at every run, however slow the machine is; HYPOTHESIS_PROFILE=search looks for others.
    settings.register_profile("repeat", derandomize=True, deadline=None)
    settings.register_profile("search", deadline=None, max_examples=1000)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

# The suite decides about homes and policies itself; a developer's own settings must not leak in.
for _name in ("CAESURA_HOME", "CAESURA_WORKERS", "CAESURA_TEST_POINTS", "JPY_PARENT_PID"):
    os.environ.pop(_name, None)
