"""How much may be written: what is free on the disk, less a reserve, and what a quota leaves.

What lives here: the figures and the error. What must not: writing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from caesura.errors import StoreFull

RESERVE_BYTES: Final = 64 << 20
"""What a save leaves free on the disk: records and logs need a little, and so does everybody else."""


def no_room(directory: Path, reason: str) -> StoreFull:
    return StoreFull(
        f"There is no room for this snapshot in {directory}: {reason}. "
        "Free some space, raise Caesura.store_quota_mb if that is the limit, or see `caesura store`."
    )


@dataclass
class Room:
    """What one save may write: ``free_bytes`` of the disk, ``quota_bytes`` of the quota (None: there is none)."""

    directory: Path
    free_bytes: int
    quota_bytes: int | None = None
    taken_bytes: int = 0

    def take(self, size_bytes: int) -> None:
        """A file of this size is about to be written; StoreFull if that is too much."""
        self.taken_bytes += size_bytes
        if self.quota_bytes is not None and self.taken_bytes > self.quota_bytes:
            raise no_room(
                self.directory,
                f"{_megabytes(self.taken_bytes)} are needed, the quota leaves {_megabytes(max(0, self.quota_bytes))}",
            )
        if self.taken_bytes > self.free_bytes:
            raise no_room(
                self.directory,
                f"{_megabytes(self.taken_bytes)} are needed, the disk has "
                f"{_megabytes(max(0, self.free_bytes))} to spare",
            )


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
