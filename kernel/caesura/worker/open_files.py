"""The files that user code has open: what they hold back has to be on disk before a snapshot is taken, and a bare
descriptor cannot go with it."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import stat
import weakref
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, cast

from caesura.errors import CannotMove

_SMALL: Final = 16
"""Containers with more items are not looked into."""


def open_descriptors() -> set[int]:
    """The descriptors of this process; empty where the system does not list them."""
    try:
        listed = map(int, os.listdir("/dev/fd"))
    except OSError:
        return set()
    return {number for number in listed if _is_open(number)}


def _is_open(descriptor: int) -> bool:
    # The one with which the list was read is in it, and closed by now.
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def flush_files(ours: Collection[int]) -> set[int]:
    """Flush every file object of the process, unless it has no descriptors but ``ours``; the descriptors that are
    neither ours nor those of a file object.

    The collector's list of all objects is only walked when there is a descriptor that is not ours.
    """
    found = open_descriptors()
    if found and found <= set(ours):
        return set()
    bare = found - set(ours)
    kinds = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom, io.FileIO)
    known: dict[type, bool] = {}
    texts: list[Any] = []
    binaries: list[Any] = []
    for each in gc.get_objects():
        kind = type(each)
        is_file = known.get(kind)
        if is_file is None:
            is_file = known[kind] = issubclass(kind, kinds)
        if is_file and isinstance(each, io.FileIO):
            with contextlib.suppress(ValueError):  # closed
                bare.discard(each.fileno())
        elif is_file:
            (texts if isinstance(each, io.TextIOWrapper) else binaries).append(each)
    for file in (*texts, *binaries):  # a text file writes into a binary one
        with contextlib.suppress(ValueError, OSError):  # closed, or its other end is gone: nothing can be saved
            # Not one that is only read: after a flush, the position that it tells in a for loop is wrong.
            if file.writable():
                file.flush()
    return bare


def refuse_bare_descriptors(bare: Collection[int], namespace: Mapping[str, object]) -> None:
    """CannotMove if a variable is, or a small container in one has, the number of a file's or a pipe's descriptor among
    ``bare``: in another process that number would be nothing, or something else."""
    if not bare:
        return
    for name, value in list(namespace.items()):
        for path, number in _numbers(name, value):
            if number in bare and (target := _file_behind(number)):
                raise CannotMove(
                    f"open descriptor {number} ({target})",
                    path,
                    "Close it with os.close() before the await; a file that is opened with open() moves.",
                )


def _numbers(name: str, value: Any) -> Iterator[tuple[str, int]]:
    if type(value) is int:
        yield name, value
    elif type(value) in (list, tuple) and len(value) <= _SMALL:
        yield from ((f"{name}[{index}]", each) for index, each in enumerate(value) if type(each) is int)


def _file_behind(descriptor: int) -> str:
    """What a descriptor leads to; empty if it is neither a file nor a pipe."""
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode):
            return "a pipe"
        return os.readlink(f"/proc/self/fd/{descriptor}") if stat.S_ISREG(mode) else ""
    except FileNotFoundError:
        return "a file"  # there is no /proc
    except OSError:
        return ""


def flush_log_handlers() -> None:
    """Flush every handler of :mod:`logging`."""
    references = cast("list[weakref.ref[logging.Handler]]", vars(logging)["_handlerList"])
    for reference in list(references):
        handler = reference()
        if handler is not None:
            with contextlib.suppress(ValueError, OSError):
                handler.flush()
