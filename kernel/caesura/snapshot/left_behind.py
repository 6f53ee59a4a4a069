"""Descriptors of which a user has said that nobody will miss them in another process."""

from __future__ import annotations

import os
from typing import Final

from caesura.errors import UsageError

_left: Final[dict[int, tuple[int, int]]] = {}
"""Number → device and inode: the number may be another file's by now."""


def leave_behind(descriptor: int) -> None:
    """Let a session move though ``descriptor`` is open: it stays behind, and its number means nothing afterwards.

    For what a library keeps for itself and opens again when it needs it. UsageError if it is no open descriptor.
    """
    if type(descriptor) is not int:
        raise UsageError(f"leave_behind() takes the number of a descriptor, not {descriptor!r}.")
    try:
        found = os.fstat(descriptor)
    except OSError as error:
        raise UsageError(f"leave_behind({descriptor}): {error.strerror}.") from error
    _left[descriptor] = found.st_dev, found.st_ino


def is_left_behind(descriptor: int, found: os.stat_result) -> bool:
    return _left.get(descriptor) == (found.st_dev, found.st_ino)
