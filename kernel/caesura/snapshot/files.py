"""Open files: closed at the one end, open at the same place at the other.

A file is opened again in its own mode, but never created, emptied or refused because it exists: what was written before
the move is written. The same file has to be there, and no shorter than it was. What stands on a file (a buffer, a text
file, whatever decompresses it) moves as an object of its own, so that they belong together as before.
"""

from __future__ import annotations

import gc
import io
import os
import pickle
import stat
import sys
import tempfile
from typing import Any, Final

from caesura.errors import CannotMove, SnapshotRefused
from caesura.snapshot.reducing import Pickling, Reduced

STREAMS: Final = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
own_streams: Final[dict[str, object]] = {}
"""The streams of this process, by name in :mod:`sys`, where a worker has noted them: a notebook may have put others in
their place. Without that, those in place."""

LONGEST_READ_BYTES: Final = 16 << 20
"""How much of a file may be read to find out where a loop is in it."""
LARGEST_NAMELESS_BYTES: Final = 1 << 30
"""How much of a file without a name is taken along."""
_NEWLINES = ("", "\n", "\r", "\r\n")
_LOCKS = "/proc/locks"
_RELEASE = "Release it before the await."


def reduce_file(pickler: Pickling, file: Any) -> Reduced:
    for name, stream in standard_streams().items():
        if stream is file:
            return standard_stream, (name,)
    if file.closed:
        return make_closed_file, (type(file),)
    if isinstance(file, io.FileIO):
        return _reduce_raw(file)
    return _reduce_text(file) if isinstance(file, io.TextIOWrapper) else _reduce_buffer(file)


# --- the file itself ------------------------------------------------------------------------------------------------


def _reduce_raw(file: Any) -> Reduced:
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise _unmovable(file, "It is not a file with a name on disk: close it before the await.")
    if not found.st_nlink and isinstance(file.name, int) and "+" in file.mode:
        return _reduce_nameless(file, found.st_size)
    name = file.name
    if not isinstance(name, str | bytes | os.PathLike):
        raise _unmovable(file, "It is not a file with a name on disk: close it before the await.")
    path = os.path.abspath(os.fsdecode(name))
    if not _is_same(path, found):
        raise _unmovable(file, "It is not a regular file that is still in its place: close it before the await.")
    if _is_locked(found):
        raise CannotMove(f"lock on the file {name!s}", remedy=_RELEASE)
    arguments = (type(file), name, path, file.mode, file.tell(), identity_of(found), file.fileno())
    return reopen, arguments, dict(vars(file)) or None


def _reduce_nameless(file: Any, size: int) -> Reduced:
    """A file of :func:`tempfile.TemporaryFile`: nobody else can reach it, so what is in it comes along."""
    if size > LARGEST_NAMELESS_BYTES:
        raise _unmovable(file, "It has no name and is too large to be copied: close it before the await.")
    contents = os.pread(file.fileno(), size, 0)
    return make_nameless, (pickle.PickleBuffer(contents), file.tell())


def make_nameless(contents: Any, position: int) -> io.FileIO:
    made = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  it stays open
    made.write(contents)
    made.seek(position)
    return made


def _is_locked(found: os.stat_result) -> bool:
    """Whether this process holds a lock on the file, where the system says so
    (https://man7.org/linux/man-pages/man5/proc_locks.5.html)."""
    try:
        with open(_LOCKS) as locks:
            lines = locks.readlines()
    except OSError:
        return False
    for line in lines:
        words = line.split()
        if "->" not in words and int(words[4]) == os.getpid() and int(words[5].rpartition(":")[2]) == found.st_ino:
            return True
    return False


def _is_same(path: str, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), found)
    except OSError:
        return False


def _unmovable(file: Any, remedy: str) -> CannotMove:
    return CannotMove(f"open file {getattr(file, 'name', '')!s}", remedy=remedy)


Identity = tuple[int, int, int]
"""Device, number and size of a file."""


def identity_of(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino, found.st_size


def check_file(path: str, identity: Identity, was: str) -> None:
    """SnapshotRefused if the file at ``path`` is not the one that ``was`` (open, mapped), or is shorter by now."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise SnapshotRefused(f"The file {path}, which was {was}, cannot be {was} again: {error.strerror}.") from error
    device, number, size = identity_of(found)
    if (device, number) != identity[:2] or size < identity[2]:
        raise SnapshotRefused(f"The file {path}, which was {was}, has been replaced or cut off since.")


def reopen(
    cls: Any, name: str | bytes, path: str, mode: str, position: int, identity: Identity, number: int = -1
) -> object:
    """Under the descriptor ``number`` that it had, which a variable may hold, if that is free here. SnapshotRefused if
    the file is not the one that was open."""
    check_file(path, identity, "opened")

    def open_as_it_is(_name: Any, flags: int) -> int:
        return _moved_to(os.open(path, flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC)), number)

    raw = cls.__new__(cls)
    io.FileIO.__init__(raw, name, mode, opener=open_as_it_is)
    raw.seek(position)
    return raw


def _moved_to(descriptor: int, number: int) -> int:
    """``number`` if that was free, and leads to the same file by now."""
    if number in (-1, descriptor):
        return descriptor
    try:
        os.fstat(number)
    except OSError:
        os.dup2(descriptor, number, inheritable=False)
        os.close(descriptor)
        return number
    return descriptor  # somebody has it


# --- buffers and text files -----------------------------------------------------------------------------------------


def _reduce_buffer(file: Any) -> Reduced:
    if file.writable():
        file.flush()
    position = file.tell() if file.seekable() else None
    return make_buffer, (type(file), file.raw, position), dict(vars(file)) or None


def make_buffer(cls: Any, raw: Any, position: int | None) -> object:
    """Of a class of :mod:`io`, or a subclass."""
    file = cls.__new__(cls)
    base = next(each for each in (io.BufferedRandom, io.BufferedReader, io.BufferedWriter) if issubclass(cls, each))
    base.__init__(file, raw)
    if position is not None:
        file.seek(position)
    return file


def _reduce_text(file: Any) -> Reduced:
    # Before the flush, which would let it tell a wrong position.
    position = _text_position(file) if file.seekable() else None
    file.flush()
    options = {
        "encoding": file.encoding,
        "errors": file.errors,
        "newline": _newline_of(file),
        "line_buffering": file.line_buffering,
        "write_through": file.write_through,
    }
    return make_text, (type(file), file.buffer, options, position), dict(vars(file)) or None


def _text_position(file: Any) -> int:
    try:
        return int(file.tell())
    except OSError:
        size = os.fstat(file.fileno()).st_size
        if size > LONGEST_READ_BYTES:
            remedy = "A file that a for loop reads has no position: use readline(), or read its lines before the await."
            raise _unmovable(file, remedy) from None
        return _position_in_a_loop(file)


def _position_in_a_loop(file: Any) -> int:
    """The position of a text file that a ``for`` loop reads; the file is left there."""
    file.flush()
    rest = file.read()
    file.seek(0)
    whole = file.read()
    file.seek(0)
    file.read(len(whole) - len(rest))
    return int(file.tell())


def make_text(cls: Any, buffer: Any, options: dict[str, Any], position: int | None) -> object:
    file = cls.__new__(cls)
    io.TextIOWrapper.__init__(file, buffer, **options)
    if position is not None:
        file.seek(position)
    return file


def _newline_of(file: Any) -> str | None:
    """The ``newline`` with which the file was opened. It has no attribute; it is the string between encoding and errors
    (``textiowrapper_traverse`` in https://github.com/python/cpython/blob/3.13/Modules/_io/textio.c)."""
    strings = [part for part in gc.get_referents(file) if type(part) is str]
    return strings[1] if len(strings) > 2 and strings[1] in _NEWLINES else None


def standard_streams() -> dict[str, object]:
    """Those that stay in their process, by their name in :mod:`sys`."""
    return own_streams or {name: getattr(sys, name, None) for name in STREAMS}


def standard_stream(name: str) -> object:
    return getattr(sys, name)


def make_closed_file(cls: type) -> object:
    raw = io.FileIO(os.devnull)
    file: Any = raw if issubclass(cls, io.FileIO) else io.BufferedReader(raw)
    if issubclass(cls, io.TextIOWrapper):
        file = io.TextIOWrapper(file)
    file.close()
    return file


# --- files in memory ------------------------------------------------------------------------------------------------


def reduce_memory_file(pickler: Pickling, file: Any) -> Reduced:
    """``io.BytesIO`` and ``io.StringIO``: their own way, unless they are closed."""
    return (make_closed_memory_file, (type(file),)) if file.closed else NotImplemented


def make_closed_memory_file(cls: Any) -> object:
    file = cls()
    file.close()
    return file
