"""Named points at which a test can pause or kill a process.

What lives here: :func:`reach`. It does nothing unless the variable ``CAESURA_TEST_POINTS`` names a directory
when the process starts. Then, at point ``name``, the file ``name.PID.reached`` is made in it; while ``name.pause``
exists the process waits; if ``name.kill`` exists it is taken away and the process kills itself.

If there is a file ``times`` in the directory, a line is appended to it instead, which is quicker: the time, the name,
the CPU time of the process (both in seconds), the pages that it has touched first, its pid.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

_DIRECTORY = os.environ.get("CAESURA_TEST_POINTS", "")
_TIMES = os.path.join(_DIRECTORY, "times") if _DIRECTORY else ""
_IS_TIMED = bool(_TIMES) and os.path.exists(_TIMES)


def reach(name: str) -> None:
    """Say that this process has come to ``name``."""
    if _IS_TIMED:
        _note_time(name)
    elif _DIRECTORY:
        _stop_at(Path(_DIRECTORY), name)


def _note_time(name: str) -> None:
    now, cpu, faults = time.time(), time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    file = os.open(_TIMES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{now} {name} {cpu} {faults} {os.getpid()}\n".encode())
    finally:
        os.close(file)


def _stop_at(directory: Path, name: str) -> None:
    (directory / f"{name}.{os.getpid()}.reached").write_text("")
    kill = directory / f"{name}.kill"
    if kill.exists():
        kill.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
    pause = directory / f"{name}.pause"
    while pause.exists():
        time.sleep(0.002)
