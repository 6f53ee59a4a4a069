"""Large parts of messages for clients, each message's in a file of its own: written once, and mapped from there on.

What lives here: the files of ``outputs/`` in the home, one folder a session; a file's name is the number of its
message. What must not: which messages have one, and what the records say about them.

A worker writes the file before it sends the message, so that a picture of 100 MB crosses no socket and no database.
The page cache keeps it over the end of every process; :func:`sync` makes it outlive a power cut.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from caesura.errors import HomeUnusable

FOLDER: Final = "outputs"
"""Of the home."""

LARGE_BYTES: Final = 2 << 20
"""From this size on a part lies in a file."""


class OutputFiles:
    """``directory`` is made when it is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, session_id: str, number: int) -> Path:
        return self._directory / session_id / str(number)

    def write(self, session_id: str, number: int, parts: Iterable[bytes]) -> Path:
        """The parts, one after the other. OSError if there is no room; nothing is left of it then."""
        path = self.path(session_id, number)
        descriptor = self._create(path)
        try:
            for part in parts:
                rest = memoryview(part)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        return path

    def _create(self, path: Path) -> int:
        for may_vanish in (True, False):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                if not may_vanish:
                    raise  # a sweep removed the empty folder once; the next one comes much later
        raise AssertionError

    def map(self, session_id: str, number: int, sizes: Sequence[int]) -> list[memoryview]:
        """The parts, of these sizes; they stay readable when the file is removed. HomeUnusable if it is not whole."""
        path = self.path(session_id, number)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                mapped = memoryview(mmap.mmap(descriptor, sum(sizes), prot=mmap.PROT_READ))
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:  # ValueError: it is shorter
            megabytes = sum(sizes) / 1e6
            raise HomeUnusable(f"An output of {megabytes:.1f} MB cannot be read from {path}: {error}.") from error
        ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
        return [mapped[end - size : end] for size, end in zip(sizes, ends, strict=True)]

    def has_any(self, session_id: str) -> bool:
        return (self._directory / session_id).is_dir()

    def sessions(self) -> list[str]:
        """Those that have files."""
        try:
            return os.listdir(self._directory)
        except FileNotFoundError:
            return []

    def sweep(self, session_id: str, needed: Iterable[int], before: int | None) -> None:
        """Remove the session's files but those of the messages ``needed`` and of numbers from ``before`` on, which are
        about to be recorded; all of them if that is None."""
        folder = self._directory / session_id
        if before is None:
            shutil.rmtree(folder, ignore_errors=True)
            return
        kept = {str(number) for number in needed}
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(folder):
                if name not in kept and name.isdigit() and int(name) < before:
                    (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()


def sync(path: Path) -> None:
    """Have it outlive a power cut. Nothing to do if it is not needed any more."""
    with contextlib.suppress(FileNotFoundError):
        for each in (path, path.parent):
            descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
