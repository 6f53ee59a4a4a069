"""How buffers are laid out in files, and what a file is called.

What lives here: grouping, padding, hashing; values in, values out. What must not: files.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Buffer = bytes | bytearray | memoryview | pickle.PickleBuffer

ALIGNMENT: Final = 4096
LARGE_BYTES: Final = 8 << 20
"""From here on a buffer gets a file of its own."""
PACK_BYTES: Final = 64 << 20
"""A pack is closed when the next buffer would make it longer: a changed buffer costs one pack, not all."""

_ZEROS: Final = memoryview(bytes(ALIGNMENT))


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One file to be: the bytes in it one after the other, and where the buffers ``indices`` begin."""

    pieces: Sequence[memoryview]
    indices: Sequence[int]
    offsets: Sequence[int]
    size_bytes: int


def flat(buffer: Buffer) -> memoryview:
    """The buffer as bytes, without a copy; BufferError if it is not contiguous."""
    if isinstance(buffer, pickle.PickleBuffer):
        return buffer.raw()
    return memoryview(buffer).cast("B")


def plan(views: Sequence[memoryview], indices: Iterable[int]) -> Iterator[FilePlan]:
    """The files for the ``views`` with these ``indices``: small ones packed in order, large ones alone, empty ones
    nowhere."""
    pack: list[int] = []
    filled = 0
    for index in indices:
        view = views[index]
        size = view.nbytes
        if size >= LARGE_BYTES:
            yield FilePlan([view], [index], [0], size)
        elif size > 0:
            if pack and filled + size > PACK_BYTES:
                yield _packed(views, pack)
                pack, filled = [], 0
            pack.append(index)
            filled += size + -size % ALIGNMENT
    if pack:
        yield _packed(views, pack)


def _packed(views: Sequence[memoryview], indices: Sequence[int]) -> FilePlan:
    pieces: list[memoryview] = []
    offsets: list[int] = []
    position = 0
    for index in indices:
        gap = -position % ALIGNMENT
        if gap:
            pieces.append(_ZEROS[:gap])
        position += gap
        offsets.append(position)
        pieces.append(views[index])
        position += views[index].nbytes
    return FilePlan(pieces, indices, offsets, position)


def chunks(pieces: Sequence[memoryview], chunk_bytes: int) -> Iterator[memoryview]:
    """The pieces in parts of at most ``chunk_bytes``."""
    for piece in pieces:
        for start in range(0, piece.nbytes, chunk_bytes):
            yield piece[start : start + chunk_bytes]


def keyed_hash(key: bytes, data: bytes = b"") -> hashlib.blake2b:
    """The hash that names a file's content under ``key``: 32 bytes, hex. ``data`` is the beginning of the content."""
    return hashlib.blake2b(data, key=key, digest_size=32)
