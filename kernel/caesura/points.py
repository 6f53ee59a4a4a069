"""Named points at which a test can pause or kill a process.

What lives here: :func:`reach`. It does nothing unless the variable ``CAESURA_TEST_POINTS`` names a directory
when the process starts. Then, at point ``name``, the file ``name.PID.reached`` is made in it, which says the time and
the CPU time of the process; while ``name.pause`` exists the process waits; if ``name.kill`` exists it is taken away and
the process kills itself.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

_DIRECTORY = os.environ.get("CAESURA_TEST_POINTS", "")


def reach(name: str) -> None:
    """Say that this process has come to ``name``."""
    if _DIRECTORY:
        _stop_at(Path(_DIRECTORY), name)


def _stop_at(directory: Path, name: str) -> None:
    (directory / f"{name}.{os.getpid()}.reached").write_text(f"{time.time()} {time.process_time()}")
    kill = directory / f"{name}.kill"
    if kill.exists():
        kill.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
    pause = directory / f"{name}.pause"
    while pause.exists():
        time.sleep(0.002)
