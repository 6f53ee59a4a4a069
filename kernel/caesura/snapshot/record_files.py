"""Readers and writers of :mod:`csv`, and files that are read through a decompressor. Nothing is imported for them."""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import types
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced

_DIALECT: Final = (
    "delimiter",
    "doublequote",
    "escapechar",
    "lineterminator",
    "quotechar",
    "quoting",
    "skipinitialspace",
    "strict",
)
_READING: Final = 1


def _dialect_of(obj: Any) -> dict[str, Any]:
    return {name: getattr(obj.dialect, name) for name in _DIALECT}


def reduce_csv_writer(pickler: Pickling, writer: Any) -> Reduced:
    write = next(part for part in gc.get_referents(writer) if callable(part) and not isinstance(part, type))
    return make_csv_writer, (write, _dialect_of(writer))


def make_csv_writer(write: Any, dialect: dict[str, Any]) -> object:
    return importlib.import_module("csv").writer(types.SimpleNamespace(write=write), **dialect)


def reduce_csv_reader(pickler: Pickling, reader: Any) -> Reduced:
    place = _place_of_line_number()
    parts = (part for part in gc.get_referents(reader) if not isinstance(part, type))
    sources = [part for part in parts if hasattr(part, "__next__")]
    if place is None or len(sources) != 1:
        raise CannotMove("_csv.reader", remedy="Take what it gives into a list before the await.")
    return make_csv_reader, (sources[0], _dialect_of(reader), reader.line_num)


def make_csv_reader(source: Any, dialect: dict[str, Any], line_number: int) -> object:
    reader = importlib.import_module("csv").reader(source, **dialect)
    place = _place_of_line_number()
    assert place is not None
    ctypes.c_ulong.from_address(id(reader) + place).value = line_number
    return reader


@functools.cache
def _place_of_line_number() -> int | None:
    """Where a reader counts lines, in bytes from its beginning: found on one that has read a known number of them."""
    lines = 1237
    reader = importlib.import_module("csv").reader(["a"] * lines)
    for _ in reader:
        pass
    word = ctypes.sizeof(ctypes.c_ulong)
    places = range(object.__basicsize__, type(reader).__basicsize__, word)
    found = [place for place in places if ctypes.c_ulong.from_address(id(reader) + place).value == lines]
    return found[0] if len(found) == 1 else None


def reduce_compressed(pickler: Pickling, file: Any) -> Reduced:
    """Of :mod:`gzip`, :mod:`bz2` or :mod:`lzma`: read again from its beginning up to where it was."""
    kind = type(file).__module__
    if file.closed:
        return make_closed, (type(file),)
    mode = getattr(file, "_mode", None) if kind != "gzip" else file.mode
    if mode not in (_READING, "rb"):
        remedy = "Close it before the await; after it, open it with 'a' to add to it."
        raise CannotMove(f"{kind} file that is written", remedy=remedy)
    inner = file.fileobj if kind == "gzip" else file._fp
    is_own = file.myfileobj is not None if kind == "gzip" else file._closefp
    if not is_own:
        raise CannotMove(f"{kind} file over another file", remedy="Open it by its name.")
    options = dict(file._buffer.raw._decomp_args) if kind == "lzma" else {}
    return make_compressed, (type(file), inner, getattr(file, "name", None), options, file.tell())


def make_compressed(cls: Any, inner: Any, name: Any, options: dict[str, Any], position: int) -> object:
    inner.seek(0)
    if cls.__module__ == "gzip":
        file = cls(filename=name, fileobj=inner, mode="rb")
        file.myfileobj = inner
    else:
        file = cls(inner, "rb", **options)
        file._closefp = True
    file.seek(position)
    return file


def make_closed(cls: Any) -> object:
    file = cls.__new__(cls)
    vars(file).update({"fileobj": None, "myfileobj": None, "_buffer": None, "_fp": None, "_mode": 0, "mode": None})
    return file
