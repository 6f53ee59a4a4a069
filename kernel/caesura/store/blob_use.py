"""What lies in a directory of blobs, and which of them other processes have mapped.

What lives here: looking. What must not: removing, what the blobs are for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Usage:
    """``sizes``: the bytes of each blob by its name. ``other_bytes``: what saves under way, or broken ones, have
    written."""

    sizes: dict[str, int]
    other_bytes: int

    @property
    def total_bytes(self) -> int:
        return sum(self.sizes.values()) + self.other_bytes


def usage(directory: Path) -> Usage:
    """What lies in ``directory`` now; files that go away meanwhile do not count."""
    sizes: dict[str, int] = {}
    other_bytes = 0
    pending = [directory]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except FileNotFoundError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif len(entry.name) == _NAME_CHARACTERS:
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
                else:
                    other_bytes += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
    return Usage(sizes, other_bytes)


def mapped_by(pids: Iterable[int], directory: Path) -> set[str]:
    """The names of the blobs in ``directory`` that these processes have mapped; of a process that has ended, or where
    the system does not say (it has no ``/proc``), none."""
    beginning = f"{os.path.realpath(directory)}/"
    found: set[str] = set()
    for pid in pids:
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as lines:
                for line in lines:
                    _, _, path = line.rstrip("\n").partition(beginning)
                    if path:
                        found.add(path.removesuffix(" (deleted)").rpartition("/")[2])
        except OSError:
            continue
    return found
