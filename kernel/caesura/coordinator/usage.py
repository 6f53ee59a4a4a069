"""What a notebook's process takes: the answer to ``usage_request``, as ipykernel gives it.

It is asked every few seconds by extensions that show the resources of kernels. The coordinator answers, so that the
numbers also come while a cell computes, and looking does not bring a suspended notebook back: that one takes nothing.

What lives here: measuring. What must not: which process is whose.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from typing import Any, Final

import psutil

_KEPT: Final = 1000
"""Processes whose share of the processor is measured from one request to the next."""


class Usage:
    """Remembers processes, as the use of the processor is that since the last look. For one thread at a time."""

    def __init__(self) -> None:
        self._processes: dict[tuple[int, float], psutil.Process] = {}

    def of(self, pid: int) -> dict[str, Any]:
        """The content of the reply for the process ``pid`` and its children, or for none (0)."""
        processes = self._tree(pid)
        reply: dict[str, Any] = {
            "status": "ok",
            "hostname": socket.gethostname(),
            "pid": pid,
            "kernel_cpu": sum(map(_cpu_percent, processes)),
            "kernel_memory": sum(map(_memory, processes)),
            "cpu_count": psutil.cpu_count(logical=True),
            "host_virtual_memory": dict(psutil.virtual_memory()._asdict()),
        }
        if busy := psutil.cpu_percent():  # the first time it is 0, which means nothing
            reply["host_cpu_percent"] = busy
        return reply

    def _tree(self, pid: int) -> list[psutil.Process]:
        if not pid:
            return []
        try:
            root = psutil.Process(pid)
            found = [root, *root.children(recursive=True)]
        except psutil.Error:
            return []
        return [self._known(process) for process in found]

    def _known(self, process: psutil.Process) -> psutil.Process:
        key = process.pid, process.create_time()
        if key not in self._processes and len(self._processes) >= _KEPT:
            self._forget(list(self._processes)[: _KEPT // 2])
        return self._processes.setdefault(key, process)

    def _forget(self, keys: Iterable[tuple[int, float]]) -> None:
        for key in keys:
            del self._processes[key]


def _cpu_percent(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):  # it has ended
        return float(process.cpu_percent())
    return 0.0


def _memory(process: psutil.Process) -> int:
    """In bytes: the proportional share where the system tells it, else what is resident."""
    with contextlib.suppress(psutil.Error):
        info = process.memory_full_info()
        return int(getattr(info, "pss", info.rss))
    return 0
