"""Descriptors that no file object owns: in another process their numbers would be nothing, or something else.

Nobody says who opened one. What Python code opens is closed on exec (PEP 446) and leads to a file, a folder, a pipe or
a terminal; it holds the session, wherever its number is kept. Libraries written in C open files that exec would keep,
databases of SQLite, their own data, sockets, and descriptors that lead nowhere (epoll, eventfd); they know how to open
them again, and what a user has of them holds by itself. A file that exec would keep, a socket that no object owns, and
what leads nowhere hold as well if their number is a variable, of the notebook or of a function that is suspended.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import os
import socket
import stat
import sys
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from caesura import frames
from caesura.errors import CaesuraError, CannotMove
from caesura.snapshot.left_behind import is_left_behind
from caesura.worker.open_files import STANDARD, Bare

_SMALL: Final = 16
"""Containers with more items are not looked into."""
_DEEPEST: Final = 8
_MOST_LOOKED_AT: Final = 5000
_DATABASE: Final = b"SQLite format 3\0"
_OF_DATABASES: Final = ("-journal", "-wal", "-shm")
_DATA_OF_PACKAGES: Final = tuple({sys.prefix, sys.base_prefix, "/usr/share", "/usr/lib"})
_HARMLESS_DEVICES: Final = ("/dev/urandom", "/dev/random", "/dev/nvidia", "/dev/dri/", "/dev/kfd", "/dev/kvm")
_NOWHERE: Final = "anon_inode:"
_OF_SELECTORS: Final = frozenset({"anon_inode:[eventpoll]", "anon_inode:[io_uring]"})
_SUSPENDED: Final = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
_OURS: Final = frozenset({"IPython", "ipykernel", "caesura"})
_LEAD_BACK: Final = "Lead it back with os.dup2() before the await."
_CLOSE: Final = "Close it with os.close() before the await; a file that is opened with open() moves."


def refuse_bare_descriptors(bare: Bare, namespace: Mapping[str, object], loop: asyncio.AbstractEventLoop) -> None:
    """CannotMove if a descriptor that a user's code may have opened is among ``bare``. Its path is the place where the
    number is kept, if that is found."""
    if not bare.numbers:
        return
    found = _without_known(bare.numbers)
    opened = _opened_by_python(found, bare.memory_maps)
    numbered = {number for number, about in found.items() if _counts_if_numbered(number, about.st_mode)}
    if numbered:
        named = [each for each in (*_variables(namespace), *_variables_of_suspended(loop)) if each[1] in numbered]
        of_sockets = _of_sockets() if named else set()
        for name, number in named:
            if number not in of_sockets:
                raise _cannot_move(number, name)
    if opened:
        places = {number: place for place, number in _places(namespace, loop)}
        number = min(opened, key=lambda each: (each not in places, each))
        raise _cannot_move(number, places.get(number, ""))


def _cannot_move(number: int, place: str) -> CannotMove:
    if number in STANDARD:
        return CannotMove(f"descriptor {number}, led to {_target(number)}", "", _LEAD_BACK)
    left = f" One that a library keeps for itself is left behind with caesura.leave_behind({number})."
    return CannotMove(f"open descriptor {number} ({_target(number)})", place, _CLOSE + left)


# --- whose it is ----------------------------------------------------------------------------------------------------


def _without_known(numbers: frozenset[int]) -> dict[int, os.stat_result]:
    found = {}
    for number in numbers - _of_multiprocessing():
        with contextlib.suppress(OSError):  # closed since
            about = os.fstat(number)
            if not is_left_behind(number, about):
                found[number] = about
    return found


def _opened_by_python(found: Mapping[int, os.stat_result], memory_maps: int) -> set[int]:
    opened = {number: about for number, about in found.items() if _may_be_opened_by_python(number, about.st_mode)}
    return set(opened) - _of_memory_maps(opened, memory_maps)


def _is_inheritable(number: int) -> bool:
    return not fcntl.fcntl(number, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def _counts_if_numbered(number: int, mode: int) -> bool:
    """Whether one that may be a library's is the user's if a variable is its number."""
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
        return _is_inheritable(number)
    if stat.S_ISSOCK(mode):
        return True
    target = _target(number)
    return target.startswith(_NOWHERE) and target not in _OF_SELECTORS


def _of_sockets() -> set[int]:
    """The numbers of all objects that are sockets: they hold, or are left, as objects."""
    return {each.fileno() for each in gc.get_objects() if issubclass(type(each), socket.socket)}


def _may_be_opened_by_python(number: int, mode: int) -> bool:
    if number not in STANDARD and _is_inheritable(number):
        return False
    if stat.S_ISREG(mode):
        return not _is_of_library(number)
    if stat.S_ISCHR(mode):
        return not _target(number).startswith(_HARMLESS_DEVICES)
    return stat.S_ISFIFO(mode) or stat.S_ISDIR(mode) or stat.S_ISBLK(mode)


def _is_of_library(number: int) -> bool:
    target = _target(number).removesuffix(" (deleted)")
    if target.endswith(_OF_DATABASES):
        return True
    can_be_written = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    if not can_be_written and target.startswith(_DATA_OF_PACKAGES):
        return True
    try:
        return os.pread(number, len(_DATABASE), 0) == _DATABASE
    except OSError:
        return False  # it can only be written


def _of_multiprocessing() -> set[int]:
    """The pipes to the processes that :mod:`multiprocessing` and joblib start for themselves."""
    found = set()
    for module, name, attribute in (
        ("multiprocessing.resource_tracker", "_resource_tracker", "_fd"),
        ("joblib.externals.loky.backend.resource_tracker", "_resource_tracker", "_fd"),
        ("multiprocessing.forkserver", "_forkserver", "_forkserver_alive_fd"),
    ):
        found.add(getattr(getattr(sys.modules.get(module), name, None), attribute, None))
    return {number for number in found if type(number) is int}


def _of_memory_maps(found: Mapping[int, os.stat_result], memory_maps: int) -> set[int]:
    """Those that belong to as many memory maps: of the descriptors of one file the last ones, since what is mapped has
    been opened before."""
    if not memory_maps:
        return set()
    mapped = _mapped_files()
    owned = set()
    for number in sorted(found, reverse=True):
        about = found[number]
        if stat.S_ISREG(about.st_mode) and memory_maps and (mapped is None or mapped[about.st_ino] > 0):
            memory_maps -= 1
            if mapped is not None:
                mapped[about.st_ino] -= 1
            owned.add(number)
    return owned


def _mapped_files() -> Counter[int] | None:
    """Inode → how often a file is mapped; None where the system does not tell
    (https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html)."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return None
    return Counter(int(line.split(maxsplit=5)[4]) for line in lines)


def _target(number: int) -> str:
    try:
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            return "a pipe"
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        pass  # there is no /proc
    get_path = getattr(fcntl, "F_GETPATH", None)
    if get_path is None:
        return "a file"
    try:
        return os.fsdecode(fcntl.fcntl(number, get_path, bytes(1024)).rstrip(b"\0"))
    except OSError:
        return "a file"


# --- where its number is --------------------------------------------------------------------------------------------


def _variables(namespace: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    for name, value in list(namespace.items()):
        if type(value) is int:
            yield name, value
        elif type(value) in (list, tuple):
            yield from ((place, part) for place, part in _parts(name, value) if type(part) is int)


def _variables_of_suspended(loop: asyncio.AbstractEventLoop) -> Iterator[tuple[str, int]]:
    waiting: list[tuple[str, object]] = [("", task.get_coro()) for task in asyncio.all_tasks(loop)]
    while waiting:
        _, suspended = waiting.pop()
        found = dict(_locals(suspended))
        yield from _variables(found)
        waiting += [(name, value) for name, value in found.items() if type(value) in _SUSPENDED]


def _places(namespace: Mapping[str, object], loop: asyncio.AbstractEventLoop) -> Iterator[tuple[str, int]]:
    """Numbers that a user's objects hold, and how they are reached; not all of them. The nearest comes last."""
    waiting: list[tuple[str, object]] = [(name, value) for name, value in namespace.items() if not name.startswith("_")]
    for task in asyncio.all_tasks(loop):
        waiting += [(f"task {task.get_name()}", task.get_coro())]
    found: list[tuple[str, int]] = []
    seen: set[int] = {id(namespace)}
    for _ in range(_DEEPEST):
        level, waiting = waiting[:_MOST_LOOKED_AT], []
        for place, value in level:
            if type(value) is int:
                found.append((place, value))
            elif id(value) not in seen:
                seen.add(id(value))
                waiting += _parts(place, value)
    return reversed(found)


def _parts(place: str, value: Any) -> Iterator[tuple[str, object]]:
    kind = type(value)
    if kind in _SUSPENDED:
        yield from _locals(value)
    elif kind in (list, tuple) and len(value) <= _SMALL:
        yield from ((f"{place}[{index}]", each) for index, each in enumerate(value))
    elif kind is dict and len(value) <= _SMALL:
        yield from ((f"{place}[{key!r}]", each) for key, each in value.items() if type(key) in (str, int))
    elif kind is types.CellType:
        with contextlib.suppress(ValueError):  # it is empty
            yield place, value.cell_contents
    elif kind is types.FunctionType:
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            yield f"{name} of {value.__qualname__}()", cell
    elif not isinstance(value, type | types.ModuleType) and str(kind.__module__).partition(".")[0] not in _OURS:
        try:
            attributes = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return
        if type(attributes) is dict:
            yield from ((f"{place} → .{name}", each) for name, each in attributes.items())


def _locals(suspended: Any) -> Iterator[tuple[str, object]]:
    try:
        frame = frames.read(suspended)
    except CaesuraError:
        return
    if frame.code is not None:
        for name, value in zip(frames.slot_names(frame), frame.slots, strict=True):
            yield f"{name} of {frame.qualname}()", value
