"""The files that user code has open: what they hold back has to be on disk before a snapshot is taken.

What lives here: descriptors and file objects as such. What must not: whose a descriptor without a file object is
(:mod:`caesura.worker.bare_descriptors`)."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import sys
import weakref
from dataclasses import dataclass
from os import fstat, listdir, stat  # by name: a notebook may replace them in their module
from typing import Any, Final, cast

STANDARD: Final = frozenset({0, 1, 2})
"""Standard input, output and error, which exec keeps, whoever led them elsewhere."""

Descriptors = dict[int, tuple[int, int]]
"""Number → device and inode of what it leads to."""


def open_descriptors() -> Descriptors:
    """The descriptors of this process; empty where the system does not list them."""
    try:
        listed = map(int, listdir("/dev/fd"))
    except OSError:
        return {}
    found = {}
    for number in listed:
        with contextlib.suppress(OSError):  # the one with which the list was read is in it, and closed by now
            about = fstat(number)
            found[number] = about.st_dev, about.st_ino
    return found


@dataclass(frozen=True)
class Bare:
    """Descriptors without a file object, and how many objects of :class:`mmap.mmap` there are: most have a descriptor
    each, and none tells which."""

    numbers: frozenset[int] = frozenset()
    memory_maps: int = 0


def flush_files(ours: Descriptors, our_file: str = "") -> Bare:
    """Flush every file object of the process, unless it has no descriptors but ``ours``, which lead where they led, and
    one of ``our_file``; the descriptors that are neither ours nor those of a file object.

    The collector's list of all objects is only walked when there is a descriptor that is not ours.
    """
    found = open_descriptors()
    if found and found.items() <= ours.items():
        return Bare()
    bare = {number for number, target in found.items() if ours.get(number) != target}
    if found and our_file and len(bare) == 1 and _leads_to(our_file, *bare):
        return Bare()
    memory_map: Any = getattr(sys.modules.get("mmap"), "mmap", None)
    memory_maps = 0
    owned: set[int] = set()
    kinds = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom, io.FileIO)
    known: dict[type, bool] = {}
    texts: list[Any] = []
    binaries: list[Any] = []
    for each in gc.get_objects():
        kind = type(each)
        if kind is memory_map:
            memory_maps += 1
            continue
        is_file = known.get(kind)
        if is_file is None:
            is_file = known[kind] = issubclass(kind, kinds)
        if is_file and isinstance(each, io.FileIO):
            with contextlib.suppress(ValueError):  # closed
                owned.add(each.fileno())
        elif is_file:
            (texts if isinstance(each, io.TextIOWrapper) else binaries).append(each)
    for file in (*texts, *binaries):  # a text file writes into a binary one
        with contextlib.suppress(ValueError, OSError):  # closed, or its other end is gone: nothing can be saved
            # Not one that is only read: after a flush, the position that it tells in a for loop is wrong.
            if file.writable():
                file.flush()
    # The interpreter's own file objects on these do not know that they were led elsewhere.
    owned -= STANDARD
    return Bare(frozenset(bare - owned), memory_maps)


def _leads_to(path: str, number: int) -> bool:
    try:
        return (about := fstat(number)).st_ino == (named := stat(path)).st_ino and about.st_dev == named.st_dev
    except OSError:
        return False  # it is gone, or was never there


def flush_log_handlers() -> None:
    """Flush every handler of :mod:`logging`."""
    references = cast("list[weakref.ref[logging.Handler]]", vars(logging)["_handlerList"])
    for reference in list(references):
        handler = reference()
        if handler is not None:
            with contextlib.suppress(ValueError, OSError):
                handler.flush()
