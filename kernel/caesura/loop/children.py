"""Child processes of this process that run.

A look at a process without children costs one system call; the list is read from ``/proc`` where the kernel offers
it (``CONFIG_PROC_CHILDREN``), else from :mod:`psutil`.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, cast

from caesura.model import Obstacle

_SET_CHILD_SUBREAPER = 36
_TASKS = Path("/proc/self/task")
_read_text = Path.read_text  # bound here: a notebook may replace it


def running_children(own: set[int]) -> Iterator[Obstacle]:
    """One obstacle for each child that runs, but those with a pid in ``own`` and the resource tracker of
    :mod:`multiprocessing`, which can be started again. A child that has ended and was not waited for is none.

    What a shell left running (``cmd &``) is a child where :func:`adopt_orphans` was called.
    """
    if not _has_children():
        return
    ignored = own | {_tracker_pid()}
    for pid in _pids():
        if pid not in ignored and not _is_daemon(pid):
            name = _name(pid)
            if name is not None:
                yield Obstacle("child process", name, f"pid {pid}", "Wait until it has ended.")


def adopt_orphans() -> None:
    """Become the parent of what the children of this process leave running, where the system has that (Linux:
    https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html). It would lose its output in a move."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _is_daemon(pid: int) -> bool:
    """Whether a process has left our session, as one does that is to outlive its starter.

    One that ``subprocess`` has started in a session of its own is known by its Popen, which cannot be moved, or
    stands in a list once that is gone.
    """
    forgotten = {each.pid for each in vars(sys.modules["subprocess"])["_active"]} if "subprocess" in sys.modules else ()
    try:
        return os.getsid(pid) != os.getsid(0) and pid not in forgotten
    except (ProcessLookupError, PermissionError):
        return False


def _has_children() -> bool:
    if not hasattr(os, "waitid"):  # macOS before 3.13
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _tracker_pid() -> int:
    tracker: Any = cast("Any", resource_tracker)._resource_tracker
    return int(tracker._pid or 0)


def _pids() -> list[int]:
    try:
        lists = [_read_text(task / "children") for task in _TASKS.iterdir()]
    except OSError:
        import psutil  # not needed where /proc has the lists

        return [child.pid for child in psutil.Process().children()]
    return [int(pid) for text in lists for pid in text.split()]


def _name(pid: int) -> str | None:
    """The name of a running process; None if it has ended."""
    try:
        head, _, rest = _read_text(_TASKS.parents[1] / str(pid) / "stat").rpartition(")")
    except OSError:
        import psutil

        try:
            process = psutil.Process(pid)
            return None if process.status() == psutil.STATUS_ZOMBIE else str(process.name())
        except psutil.NoSuchProcess:
            return None
    return None if rest.split()[0] in "ZX" else head.partition("(")[2]
