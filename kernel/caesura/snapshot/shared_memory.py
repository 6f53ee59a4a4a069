"""Which object of a session has which piece of memory, for libraries that lend memory to each other unseen.

What lives here: addresses. What must not: the objects' types.
"""

from __future__ import annotations

import bisect


class SharedMemory:
    """The owners of memory that have been written so far."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._owners: list[tuple[int, object]] = []

    def add(self, start: int, size: int, owner: object) -> None:
        place = bisect.bisect(self._starts, start)
        self._starts.insert(place, start)
        self._owners.insert(place, (start + size, owner))

    def find(self, start: int, size: int) -> object | None:
        """Who has all of this piece; None if it is nobody's."""
        place = bisect.bisect(self._starts, start) - 1
        if place < 0:
            return None
        end, owner = self._owners[place]
        return owner if start + size <= end else None
