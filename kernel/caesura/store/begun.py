"""Which cell a session began last, known also after ``kill -9`` of its worker and of the coordinator.

A cell runs at most once (I2). The coordinator records that a cell has begun when its worker says so; if both die before
that, the records show a cell that waits for its turn. So the worker also notes it in a mapped file before the first
statement, which costs no system call and outlives the process.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path
from typing import Final

SIZE: Final = 256
"""Bytes of the file: the id of the cell, cut off there, and line ends."""


def _mark(cell_id: str) -> bytes:
    return cell_id.encode(errors="surrogatepass")[:SIZE].ljust(SIZE, b"\n")  # a new file has NULs


class BegunCell:
    """The file of one session in ``directory``, which is made if need be, mapped for writing."""

    def __init__(self, directory: Path, session_id: str) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(directory / session_id, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, SIZE)
            self._map = mmap.mmap(descriptor, SIZE)
        finally:
            os.close(descriptor)

    def begin(self, cell_id: str) -> None:
        """Code of this cell runs from now on."""
        self._map[:] = _mark(cell_id)


def has_begun(directory: Path, session_id: str, cell_id: str) -> bool:
    """Whether this cell is the last that the session has begun."""
    try:
        return (directory / session_id).read_bytes() == _mark(cell_id)
    except FileNotFoundError:
        return False


def forget(directory: Path, session_id: str) -> None:
    """The session is over."""
    with contextlib.suppress(FileNotFoundError):
        (directory / session_id).unlink()
