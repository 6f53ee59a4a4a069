"""How far each notebook's outputs were given to its sockets, known also after ``kill -9``.

An output is recorded first and sent then, so that none is lost. That it was sent is recorded a little later, and a
coordinator killed in between would send it again: clients refuse a signature that they have seen. So the number of the
last output sent is also kept in a mapped file, which costs no system call and outlives the process. After a power cut
the file may be behind; then the clients are gone as well.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from pathlib import Path

_NUMBER = struct.Struct("=Q")
_OPEN = 64
"""How many notebooks' files are mapped at a time: those that sent something last."""


class SentMarks:
    """One file of eight bytes a notebook, in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, exist_ok=True)
        self._maps: dict[str, mmap.mmap] = {}

    def last(self, session_id: str) -> int:
        """The number of the last output that was sent; 0 if none was."""
        return int(_NUMBER.unpack_from(self._map(session_id))[0])

    def sent(self, session_id: str, number: int) -> None:
        """The outputs up to ``number`` were sent."""
        _NUMBER.pack_into(self._map(session_id), 0, number)

    def forget(self, session_id: str) -> None:
        """The notebook is over."""
        if (mapped := self._maps.pop(session_id, None)) is not None:
            mapped.close()
        with contextlib.suppress(FileNotFoundError):
            self._path(session_id).unlink()

    def close(self) -> None:
        for mapped in self._maps.values():
            mapped.close()
        self._maps.clear()

    def _path(self, session_id: str) -> Path:
        return self._directory / f"{session_id}.sent"

    def _map(self, session_id: str) -> mmap.mmap:
        mapped = self._maps.pop(session_id, None)
        if mapped is None:
            descriptor = os.open(self._path(session_id), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(descriptor, _NUMBER.size)
                mapped = mmap.mmap(descriptor, _NUMBER.size)
            finally:
                os.close(descriptor)
            if len(self._maps) >= _OPEN:
                self._maps.pop(next(iter(self._maps))).close()
        self._maps[session_id] = mapped  # the one that was used longest ago stands first
        return mapped
