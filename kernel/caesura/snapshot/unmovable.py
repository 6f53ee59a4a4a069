"""What can never be moved, by the name of its type, and what its owner can do.

One line a type. Subclasses count. Anything that is not here and cannot be pickled is named as it is, with the reason
that pickle gives.
"""

from __future__ import annotations

from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced

_CLOSE = "Close it before the await and open it again after it, or tell caesura.reopen() how it is made."
_CONTAINER = "Take what it gives into a list before the await."
_ANEW = (
    "Make it again after the await, keep it in a function that has returned by then, or tell "
    "caesura.register_reducer() how its type is made again."
)

REMEDIES: Final = {
    "_ssl._SSLSocket": _CLOSE,
    "_ssl._SSLContext": "Make it again after the await.",
    "sqlite3.Connection": _CLOSE,
    "sqlite3.Cursor": "Fetch its rows into a list, and close its connection before the await.",
    "sqlite3.Blob": _CLOSE,
    "mmap.mmap": _CLOSE,
    "os.DirEntry": "Keep its path instead.",
    "posix.DirEntry": "Keep its path instead.",
    "posix.ScandirIterator": _CONTAINER,
    "select.epoll": _CLOSE,
    "select.poll": _CLOSE,
    "concurrent.futures.process.ProcessPoolExecutor": "Shut it down before the await.",
    "concurrent.futures.interpreter.InterpreterPoolExecutor": "Shut it down before the await.",
    "concurrent.interpreters.Interpreter": "Close it before the await.",
    "concurrent.interpreters._queues.Queue": "Take what is in it before the await.",
    "compression.zstd._zstdfile.ZstdFile": _CLOSE,
    "multiprocessing.process.BaseProcess": "Join the process before the await.",
    "multiprocessing.pool.Pool": "Close and join the pool before the await.",
    "multiprocessing.shared_memory.SharedMemory": "Copy what is in it, and close it before the await.",
    "multiprocessing.synchronize.SemLock": "Use an asyncio.Lock.",
    "multiprocessing.connection._ConnectionBase": _CLOSE,
    "asyncio.base_events.BaseEventLoop": "Only the loop of the cells themselves can be moved.",
    "asyncio.futures._PyFuture": "Futures implemented in Python cannot be moved; use asyncio.Future.",
    "asyncio.tasks._PyTask": "Tasks implemented in Python cannot be moved; use asyncio.Task.",
    "builtins.memory_iterator": _CONTAINER,
    "builtins.PyCapsule": "Addresses mean nothing in another process.",
    "builtins.frame": "Do not keep frames in variables.",
    "_ctypes._Pointer": "Addresses mean nothing in another process.",
    "_ctypes.CFuncPtr": "Addresses mean nothing in another process.",
    **dict.fromkeys(
        ("_hashlib.HASH", "_hashlib.HASHXOF", "_hashlib.HMAC", "_blake2.blake2b", "_blake2.blake2s", "_md5.md5"),
        "Take its digest before the await, or keep what it was given and make it again after it.",
    ),
    **dict.fromkeys(
        ("zlib.Compress", "zlib.Decompress", "_bz2.BZ2Compressor", "_bz2.BZ2Decompressor", "_lzma.LZMACompressor"),
        "Finish it before the await: what it has seen so far cannot be taken out of it.",
    ),
    "torch.utils.data.dataloader._MultiProcessingDataLoaderIter": "Go to the end of the loop, or use num_workers=0.",
    "numpy.nditer": _CONTAINER,
    "sqlite3.Row": "Keep tuple(row) or dict(row) instead.",
    "_sre.SRE_Scanner": _CONTAINER,
    "zmq.backend.cython._zmq.Socket": _CLOSE,
    "zmq.backend.cython._zmq.Context": _CLOSE,
}


def kind_name(cls: type) -> str:
    """How messages call a type: ``sqlite3.Connection``, ``list``."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def remedy_for(cls: type) -> str | None:
    """What to do about an object of this type, or None if it is not known to be unmovable."""
    for base in cls.__mro__:
        remedy = REMEDIES.get(f"{base.__module__}.{base.__qualname__}")
        if remedy is not None:
            return remedy
    return None


def remedy_of_last_resort(obj: object) -> str:
    """What to do about an object of which only the failure of its pickling is known."""
    return _CONTAINER if hasattr(type(obj), "__next__") else _ANEW


def refuse(pickler: Pickling, obj: Any) -> Reduced:
    raise CannotMove(kind_name(type(obj)), remedy=remedy_for(type(obj)) or "")
