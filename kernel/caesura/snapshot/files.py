"""Open files: closed at the one end, open at the same place at the other.

A file is opened again in its own mode, but never created, emptied or refused because it exists: what was written before
the move is written. The same file has to be there, and no shorter than it was.
"""

from __future__ import annotations

import gc
import io
import os
import stat
import sys
from typing import Any, Final

from caesura.errors import CannotMove, SnapshotRefused
from caesura.snapshot.reducing import Pickling, Reduced

_STREAMS = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
LONGEST_READ_BYTES: Final = 16 << 20
"""How much of a file may be read to find out where a loop is in it."""
_NEWLINES = ("", "\n", "\r", "\r\n")


def reduce_file(pickler: Pickling, file: Any) -> Reduced:
    for stream in _STREAMS:
        if getattr(sys, stream, None) is file:
            return standard_stream, (stream,)
    if file.closed:
        return make_closed_file, (type(file),)
    name = getattr(file, "name", None)
    if not isinstance(name, str | bytes | os.PathLike):
        raise _unmovable(file, "It is not a file with a name on disk: close it before the await.")
    path = os.path.abspath(os.fsdecode(name))
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode) or not _is_same(path, found):
        raise _unmovable(file, "It is not a regular file that is still in its place: close it before the await.")
    try:
        position = file.tell()  # before the flush, which would let it tell a wrong position
    except OSError:
        if found.st_size > LONGEST_READ_BYTES:
            remedy = "A file that a for loop reads has no position: use readline(), or read its lines before the await."
            raise _unmovable(file, remedy) from None
        position = _position_in_a_loop(file)
    file.flush()
    options: dict[str, Any] = {}
    if isinstance(file, io.TextIOWrapper):
        options = {
            "encoding": file.encoding,
            "errors": file.errors,
            "newline": _newline_of(file),
            "line_buffering": file.line_buffering,
            "write_through": file.write_through,
        }
    identity = (found.st_dev, found.st_ino, os.fstat(file.fileno()).st_size)
    raw: Any = file if isinstance(file, io.FileIO) else getattr(file, "buffer", file).raw
    return reopen, (type(file), name, path, (file.mode, raw.mode), position, options, identity)


def _position_in_a_loop(file: io.TextIOWrapper) -> int:
    """The position of a text file that a ``for`` loop reads; the file is left there."""
    file.flush()
    rest = file.read()
    file.seek(0)
    whole = file.read()
    file.seek(0)
    file.read(len(whole) - len(rest))
    return file.tell()


def _unmovable(file: Any, remedy: str) -> CannotMove:
    return CannotMove(f"open file {getattr(file, 'name', '')!s}", remedy=remedy)


def _is_same(path: str, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), found)
    except OSError:
        return False


def _newline_of(file: io.TextIOWrapper) -> str | None:
    """The ``newline`` with which the file was opened. It has no attribute; it is the string between encoding and errors
    (``textiowrapper_traverse`` in https://github.com/python/cpython/blob/3.13/Modules/_io/textio.c)."""
    strings = [part for part in gc.get_referents(file) if type(part) is str]
    return strings[1] if len(strings) > 2 and strings[1] in _NEWLINES else None


def standard_stream(name: str) -> object:
    return getattr(sys, name)


def make_closed_file(cls: type) -> object:
    raw = io.FileIO(os.devnull)
    file: Any = raw if cls is io.FileIO else io.BufferedReader(raw)
    if cls is io.TextIOWrapper:
        file = io.TextIOWrapper(file)
    file.close()
    return file


def reopen(
    cls: type,
    name: str | bytes,
    path: str,
    mode: tuple[str, str],
    position: int,
    options: dict[str, Any],
    identity: tuple[int, int, int],
) -> object:
    """SnapshotRefused if the file is not the one that was open."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise SnapshotRefused(f"The file {path}, which was open, cannot be opened again: {error.strerror}.") from error
    if (found.st_dev, found.st_ino) != identity[:2] or found.st_size < identity[2]:
        raise SnapshotRefused(f"The file {path}, which was open, has been replaced or cut off since.")

    def open_as_it_is(_name: Any, flags: int) -> int:
        return os.open(path, flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC))

    shown_mode, raw_mode = mode
    raw = io.FileIO(name, raw_mode, opener=open_as_it_is)
    file: Any = raw
    if cls is not io.FileIO:
        one_way: Any = io.BufferedReader if raw_mode == "rb" else io.BufferedWriter
        file = io.BufferedRandom(raw) if "+" in raw_mode else one_way(raw)
    if cls is io.TextIOWrapper:
        file = io.TextIOWrapper(file, **options)
        file.mode = shown_mode
    file.seek(position)
    return file
