"""Arrays in files (``numpy.memmap``): mapped again from the same file. Nothing is imported for it."""

from __future__ import annotations

import importlib
import os
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot import files
from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced

_COPY = "Copy it with numpy.array(x) before the await, or open it after the await."


def reduce_memmap(pickler: Pickling, array: Any) -> Reduced:
    """The array that :class:`numpy.memmap` itself gave; views of it are views as of any other array."""
    mode, path = array.mode, array.filename
    if mode == "c":
        raise CannotMove("numpy.memmap in mode 'c'", remedy=_COPY)
    if path is None:
        raise CannotMove("numpy.memmap over a file without a name", remedy=_COPY)
    path = os.path.abspath(path)
    try:
        found = os.stat(path)
    except OSError as error:
        raise CannotMove(f"numpy.memmap of {path}", remedy=f"Its file cannot be read: {error.strerror}.") from error
    array.flush()
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    arguments = (path, array.dtype, mode, array.offset, array.shape, order)
    attributes = {key: value for key, value in vars(array).items() if key not in ("_mmap", "offset", "mode")}
    return map_again, (arguments, files.identity_of(found)), attributes, None, None, set_state


def reduce_part(array: Any, plain: Any, owner: Any) -> Reduced:
    """A view that is itself a ``memmap``."""
    attributes = {key: value for key, value in vars(array).items() if key != "_mmap"}
    return make_part, (type(array), plain, owner), attributes, None, None, set_state


def make_part(cls: Any, plain: Any, owner: Any) -> Any:
    part = plain.view(cls)
    part._mmap = owner._mmap
    return part


def map_again(arguments: Any, identity: files.Identity) -> Any:
    """SnapshotRefused if the file is not the one that was mapped."""
    path, dtype, mode, offset, shape, order = arguments
    files.check_file(path, identity, "mapped")
    array = importlib.import_module("numpy").memmap(path, dtype, "r+" if mode == "w+" else mode, offset, shape, order)
    array.mode = mode
    return array
