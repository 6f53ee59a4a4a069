"""What this process may use of the machine: its cores, and its memory, also inside a container.

What lives here: the affinity and the limits of control groups (versions 2 and 1) as a process sees them. What must not:
what is decided with them. Where a limit stands: https://docs.kernel.org/admin-guide/cgroup-v2.html and
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

_PROC = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def cores(groups: Path = _PROC, mount: Path = _MOUNT) -> int:
    """How many cores this process may use, rounded up; at least 1. ``PYTHON_CPU_COUNT`` counts as well (3.13)."""
    count = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    if hasattr(os, "sched_getaffinity") and not hasattr(os, "process_cpu_count"):
        count = len(os.sched_getaffinity(0))
    quotas = [quota for folder in _folders(groups, mount, "cpu") if (quota := _quota(folder)) is not None]
    return max(1, min([count, *(math.ceil(quota) for quota in quotas)]))


def memory_fraction(groups: Path = _PROC, mount: Path = _MOUNT) -> float:
    """How much is left, from 0 to 1: of the machine's memory, or of a limit that is nearer to its end."""
    memory = psutil.virtual_memory()
    left = [memory.available / memory.total]
    for folder in _folders(groups, mount, "memory"):
        limit = _number(folder / "memory.max", folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current", folder / "memory.usage_in_bytes")
        if limit is not None and used is not None and 0 < limit < memory.total:
            left.append(max(0.0, 1 - max(0, used - _reclaimable(folder)) / limit))
    return min(left)


def _folders(groups: Path, mount: Path, controller: str) -> Iterator[Path]:
    """The group of this process and those around it, which may have limits too. In a container the path may be the
    host's, of which only the last part is there: the root of the mount."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, names, path = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        roots: Sequence[Path] = (mount / controller, mount / names) if names else (mount,)
        root = next((root for root in roots if root.is_dir()), None)
        if root is not None:
            folder = root / path.lstrip("/")
            yield from (each for each in (folder, *folder.parents) if each.is_relative_to(root))


def _quota(folder: Path) -> float | None:
    """In cores."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        quota_us = _number(folder / "cpu.cfs_quota_us")
        period_us = _number(folder / "cpu.cfs_period_us")
        return quota_us / period_us if quota_us and quota_us > 0 and period_us else None
    return None if quota == "max" else int(quota) / int(period)


def _number(*paths: Path) -> int | None:
    """In the first of the files that is there; None if none is, or there is no limit."""
    for path in paths:
        try:
            return int(path.read_text())
        except (OSError, ValueError):
            continue
    return None


def _reclaimable(folder: Path) -> int:
    """Bytes of files that the group has read and that are given up when memory is needed."""
    try:
        pairs = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        found = {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
    except (OSError, ValueError):
        return 0
    return found.get("total_inactive_file", found.get("inactive_file", 0))
