"""Knowing when a process ends, and killing exactly that process.

What lives here: the identity of a process beyond its reusable pid, and :class:`ExitWatch`. What must not: which
processes exist, what their end means.

Linux has descriptors of processes (https://man7.org/linux/man-pages/man2/pidfd_open.2.html), the BSDs and macOS a
kernel queue; where there is neither, the process is looked at from time to time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import psutil

_LOOK_S: Final = 0.25
_HAS_PROC: Final = os.path.exists("/proc/self/stat")


@cache
def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def started(pid: int) -> str:
    """When process ``pid`` started, as a text that no other process of this machine shares with it; the empty string
    if there is no such process or it is only a zombie."""
    if _HAS_PROC:
        try:
            text = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return ""
        fields = text.rpartition(b")")[2].split()  # the name before it may hold blanks and brackets
        return "" if fields[0] in (b"Z", b"X") else f"{_boot_id()}:{int(fields[19])}"
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return ""


class ExitWatch:
    """One process. ``ProcessLookupError`` if there is none with this pid, or it is not the one that ``identity`` says.

    ``on_exit()`` is called once on the running loop after the process has ended, if :meth:`arm` was called.
    """

    def __init__(self, pid: int, on_exit: Callable[[], None], identity: str = "") -> None:
        self.pid = pid
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._descriptor = -1
        self._queue: select.kqueue | None = None  # type: ignore[name-defined,unused-ignore]
        self._timer: asyncio.TimerHandle | None = None
        self._armed = False
        if hasattr(os, "pidfd_open"):
            self._descriptor = os.pidfd_open(pid)
        self.started = started(pid)
        if not self.started or (identity and identity != self.started):
            self.close()
            raise ProcessLookupError(f"no process {pid} that started then")

    def arm(self) -> None:
        """From now on say when it ends; at once (on the loop) if it has."""
        if self._armed:
            return
        self._armed = True
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self._fire)
        elif hasattr(select, "kqueue"):
            self._arm_queue()
        else:
            self._look()

    def _arm_queue(self) -> None:
        queue = self._queue = select.kqueue()  # type: ignore[attr-defined,unused-ignore]
        wanted = select.kevent(  # type: ignore[attr-defined,unused-ignore]
            self.pid,
            filter=select.KQ_FILTER_PROC,  # type: ignore[attr-defined,unused-ignore]
            flags=select.KQ_EV_ADD | select.KQ_EV_ONESHOT,  # type: ignore[attr-defined,unused-ignore]
            fflags=select.KQ_NOTE_EXIT,  # type: ignore[attr-defined,unused-ignore]
        )
        try:
            queue.control([wanted], 0)
        except ProcessLookupError:
            self._loop.call_soon(self._fire)
        else:
            self._loop.add_reader(queue.fileno(), self._fire)

    def _look(self) -> None:
        if started(self.pid) != self.started:
            self._fire()
        else:
            self._timer = self._loop.call_later(_LOOK_S, self._look)

    def _fire(self) -> None:
        self.close()
        self._on_exit()

    def kill(self) -> None:
        """SIGKILL to the process and to the group that it leads; nothing if it has ended, whoever has its pid now."""
        if not self.started or started(self.pid) != self.started:
            return
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
            if self._descriptor >= 0:
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Stop watching; the process is left alone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue is not None:
            self._loop.remove_reader(self._queue.fileno())
            self._queue.close()
            self._queue = None
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
