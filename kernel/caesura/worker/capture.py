"""What is written to the file descriptors 1 and 2 themselves: by C code, by child processes.

Each is turned into a pipe whose other end goes into the stream that stands for it. The bytes are taken by the channel's
thread, and at once by whoever needs them in order (the end of a cell, a freeze).
"""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import fcntl
import functools
import os
import threading
from collections.abc import Callable
from typing import Any, Final

_READ_BYTES: Final = 65536
_PIPE_BYTES: Final = 1 << 20
_F_SETPIPE_SZ: Final = 1031  # Linux only; https://man7.org/linux/man-pages/man2/F_SETPIPE_SZ.2const.html

_read, _write = os.read, os.write  # bound here: a notebook may replace them in their module


def flush_libc() -> None:
    """Write out what C code has in its buffers."""
    _libc().fflush(None)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


class CapturedDescriptor:
    """Descriptor ``number`` (1 or 2) as a pipe; ``original`` is a copy of what it was."""

    def __init__(self, number: int, write: Callable[[str], Any]) -> None:
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.RLock()
        self.original = os.dup(number)
        self.read_end, write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        with contextlib.suppress(OSError):  # a smaller pipe only means that a writer waits for the reader more often
            fcntl.fcntl(write_end, _F_SETPIPE_SZ, _PIPE_BYTES)
        os.dup2(write_end, number)
        os.close(write_end)

    def pump(self) -> None:
        """Pass on what has been written so far. Safe from any thread."""
        with self._lock:
            while True:
                try:
                    data = _read(self.read_end, _READ_BYTES)
                except BlockingIOError:
                    return
                if not data:
                    return
                _write(self.original, data)
                text = self._decoder.decode(data)
                if text:
                    self._write(text)
