"""Reducers for types of libraries and of modules that few sessions use, by the name of the package.

Asked once for each type. The module with the reducers of a library is imported when a type of it is met: then the
library is there already.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, Final

from caesura.snapshot import arrays, pyarrow_iterators
from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced, Reducer


def reducer_of_libraries(cls: type) -> Reducer | None:
    """The reducer for objects of ``cls``, if it is a type of one of these libraries or a subclass of one."""
    if pyarrow_iterators.is_compiled_generator(cls):
        return pyarrow_iterators.reduce_generator
    for base in cls.__mro__:
        package = base.__module__.partition(".")[0]
        choose = _CHOICES.get(package)
        if choose is not None and (reducer := choose(cls, base)) is not None:
            return reducer
    return None


def _of_numpy(cls: type, base: type) -> Reducer | None:
    numpy: Any = sys.modules["numpy"]
    if base is numpy.ndarray:
        return arrays.reduce_array
    if base is numpy.void:
        return arrays.reduce_record
    if base is numpy.ufunc:
        return arrays.reduce_ufunc
    return arrays.reduce_flat_iterator if base is numpy.flatiter else None


def _of_pandas(cls: type, base: type) -> Reducer | None:
    from caesura.snapshot import pandas_objects

    return pandas_objects.reducer_of(cls)


def _of_torch(cls: type, base: type) -> Reducer | None:
    from caesura.snapshot import torch_objects

    return torch_objects.reducer_of(cls)


def _of_polars(cls: type, base: type) -> Reducer | None:
    if "polars" not in sys.modules:
        return None
    from caesura.snapshot import polars_objects

    return polars_objects.reducer_of(base)


def _of_traitlets(cls: type, base: type) -> Reducer | None:
    from caesura.snapshot import trait_objects

    return trait_objects.reducer_of(cls)


def _of_pictures(cls: type, base: type) -> Reducer | None:
    from caesura.snapshot import picture_objects

    named = {
        "matplotlib.cbook.CallbackRegistry": picture_objects.reduce_callbacks,
        "PIL.ImageDraw.ImageDraw": picture_objects.reduce_drawing,
    }
    return named.get(f"{base.__module__}.{base.__qualname__}")


_WHOLE: Final = frozenset({"httpx.Request", "httpx.Response", "tenacity.BaseRetrying"})
"""Classes that leave something out of a pickle which a cell in the middle of using them needs: the stream of a body
that is being read, the count of attempts."""


def _of_whole_objects(cls: type, base: type) -> Reducer | None:
    return _reduce_whole if f"{base.__module__}.{base.__qualname__}" in _WHOLE else None


def _reduce_whole(pickler: Pickling, obj: Any) -> Reduced:
    return object.__new__, (type(obj),), obj.__dict__, None, None, set_state


def _of_standard_library(cls: type, base: type) -> Reducer | None:
    place = _NAMED.get(f"{base.__module__}.{base.__qualname__}")
    if place is None:
        return None
    module, _, name = place.partition(".")
    reducer: Reducer = getattr(importlib.import_module(f"caesura.snapshot.{module}"), name)
    return reducer


_NAMED: Final[dict[str, str]] = {
    "tempfile._TemporaryFileCloser": "temporary_files.reduce_closer",
    "tempfile.SpooledTemporaryFile": "temporary_files.reduce_spooled",
    "_csv.writer": "record_files.reduce_csv_writer",
    "_csv.reader": "record_files.reduce_csv_reader",
    "gzip.GzipFile": "record_files.reduce_compressed",
    "bz2.BZ2File": "record_files.reduce_compressed",
    "lzma.LZMAFile": "record_files.reduce_compressed",
    "subprocess.Popen": "resources.reduce_process",
    "socket.socket": "resources.reduce_socket",
    "asyncio.transports.BaseTransport": "transports.reduce_transport",
    "asyncio.trsock.TransportSocket": "transports.reduce_transport_socket",
    "asyncio.subprocess.Process": "transports.reduce_process",
    **dict.fromkeys(
        ("_ctypes._SimpleCData", "_ctypes.Structure", "_ctypes.Union", "_ctypes.Array"), "ctypes_objects.reduce_value"
    ),
    "random.SystemRandom": "resources.reduce_system_random",
    "_json.Scanner": "resources.reduce_json_scanner",
    "os._Environ": "resources.reduce_environment",
    "sys.version_info": "resources.reduce_value_of_sys",
    "sys.float_info": "resources.reduce_value_of_sys",
    "sys.flags": "resources.reduce_value_of_sys",
    "sys.int_info": "resources.reduce_value_of_sys",
    "sys.hash_info": "resources.reduce_value_of_sys",
    "sys.thread_info": "resources.reduce_value_of_sys",
}
"""Types of modules that not every session has imported, with their reducers."""

_CHOICES: Final[dict[str, Callable[[type, type], Reducer | None]]] = {
    "numpy": _of_numpy,
    "pandas": _of_pandas,
    "polars": _of_polars,
    "builtins": _of_polars,  # so says what is compiled of it
    "torch": _of_torch,
    "traitlets": _of_traitlets,
    "matplotlib": _of_pictures,
    "PIL": _of_pictures,
    "httpx": _of_whole_objects,
    "tenacity": _of_whole_objects,
    **dict.fromkeys({name.partition(".")[0] for name in _NAMED}, _of_standard_library),
}
