"""Which cell a session began last, and whether code has run since its last snapshot: known also after ``kill -9``.

A cell runs at most once (I2). The coordinator records that a cell has begun when its worker says so; if both die before
that, the records show a cell that waits for its turn. So the worker also notes it in a mapped file before the first
statement, which costs no system call and outlives the process.

Beside it stands the mark of a snapshot that was taken while the worker is kept: of which block it is, as long as no
code of the user's has run in the worker since (:mod:`caesura.worker.untouched`).
"""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path
from typing import Final

SIZE: Final = 256
"""Bytes of the id of the cell, cut off there, and line ends."""
_MARK_SIZE: Final = 64
"""Bytes that follow: the mark of the kept snapshot."""


def _mark_of_block(epoch: int, serial: int) -> bytes:
    return f"{epoch}.{serial}".encode().ljust(_MARK_SIZE, b"\n")


_TOUCHED: Final = b"\n" * _MARK_SIZE


def _mark(cell_id: str) -> bytes:
    return cell_id.encode(errors="surrogatepass")[:SIZE].ljust(SIZE, b"\n")  # a new file has NULs


class BegunCell:
    """The file of one session in ``directory``, which is made if need be, mapped for writing."""

    def __init__(self, directory: Path, session_id: str) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(directory / session_id, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, SIZE + _MARK_SIZE)
            self._map = mmap.mmap(descriptor, SIZE + _MARK_SIZE)
        finally:
            os.close(descriptor)

    def begin(self, cell_id: str) -> None:
        """Code of this cell runs from now on."""
        self._map[:SIZE] = _mark(cell_id)

    def keep(self, epoch: int, serial: int) -> None:
        """The snapshot of this block is what the process holds, until :meth:`touch`."""
        self._map[SIZE:] = _mark_of_block(epoch, serial)

    def touch(self) -> None:
        """Code of the user's may run from now on."""
        self._map[SIZE:] = _TOUCHED


def is_untouched(directory: Path, session_id: str, epoch: int, serial: int) -> bool:
    """Whether no code has run in the session's process since the kept snapshot of this block was taken."""
    try:
        return (directory / session_id).read_bytes()[SIZE:] == _mark_of_block(epoch, serial)
    except FileNotFoundError:
        return False


def has_begun(directory: Path, session_id: str, cell_id: str) -> bool:
    """Whether this cell is the last that the session has begun."""
    try:
        return (directory / session_id).read_bytes()[:SIZE] == _mark(cell_id)
    except FileNotFoundError:
        return False


def forget(directory: Path, session_id: str) -> None:
    """The session is over."""
    with contextlib.suppress(FileNotFoundError):
        (directory / session_id).unlink()
