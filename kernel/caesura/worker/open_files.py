"""The files that user code has open for writing: what they hold back has to be on disk before a snapshot is taken."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import weakref
from collections.abc import Collection
from typing import Any, cast


def open_descriptors() -> set[int]:
    """The descriptors of this process; empty where the system does not list them."""
    try:
        return {int(name) for name in os.listdir("/dev/fd")}
    except OSError:
        return set()


def flush_files(ours: Collection[int]) -> None:
    """Flush every file object of the process, unless it has no descriptors but ``ours``.

    The collector's list of all objects is only walked when there is a descriptor that is not ours.
    """
    found = open_descriptors()
    if found and found <= set(ours):
        return
    writable = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    known: dict[type, bool] = {}
    texts: list[Any] = []
    binaries: list[Any] = []
    for each in gc.get_objects():
        kind = type(each)
        is_file = known.get(kind)
        if is_file is None:
            is_file = known[kind] = issubclass(kind, writable)
        if is_file:
            (texts if isinstance(each, io.TextIOWrapper) else binaries).append(each)
    for file in (*texts, *binaries):  # a text file writes into a binary one
        with contextlib.suppress(ValueError, OSError):  # closed, or its other end is gone: nothing can be saved
            # Not one that is only read: after a flush, the position that it tells in a for loop is wrong.
            if file.writable():
                file.flush()


def flush_log_handlers() -> None:
    """Flush every handler of :mod:`logging`."""
    references = cast("list[weakref.ref[logging.Handler]]", vars(logging)["_handlerList"])
    for reference in list(references):
        handler = reference()
        if handler is not None:
            with contextlib.suppress(ValueError, OSError):
                handler.flush()
