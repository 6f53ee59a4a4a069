"""How buffers are laid out in files, and what a file is called.

What lives here: grouping, padding, hashing; values in, values out. What must not: files.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

Buffer = bytes | bytearray | memoryview | pickle.PickleBuffer

ALIGNMENT: Final = 4096
LARGE_BYTES: Final = 8 << 20
"""From here on a buffer gets a file of its own."""
PACK_BYTES: Final = 64 << 20
"""A pack is closed when the next buffer would make it longer: a changed buffer costs one pack, not all."""

_ZEROS: Final = memoryview(bytes(ALIGNMENT))


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where a buffer lies: ``size`` bytes from ``offset`` on in the file ``name``. The empty name: no bytes."""

    name: str
    size: int
    offset: int = 0

    def to_json(self) -> list[Any]:
        return [self.name, self.size, self.offset]

    @classmethod
    def from_json(cls, value: object) -> BlobRef:
        """The inverse of :meth:`to_json`; ValueError if ``value`` is not a ref."""
        match value:
            case [str(name), int(size), int(offset)] if size >= 0 and offset >= 0:
                return cls(name, size, offset)
        raise ValueError(f"not a reference to a blob: {value!r}")


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


class Hash(Protocol):
    """What the two hashes have in common."""

    def update(self, data: memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def authenticator(key: bytes, data: bytes) -> str:
    """The keyed BLAKE2b hash of ``data`` (32 bytes, hex; RFC 7693), by which manifests are sealed."""
    return hashlib.blake2b(data, key=key, digest_size=32).hexdigest()


def content_hashes(key: bytes) -> tuple[Hash, Hash]:
    """Hashes of 32 bytes under ``key`` by which a file may be named after its content: the one that this machine makes
    faster, which is used for new files, and the other.

    HMAC with SHA-256 is twice as fast as BLAKE2b where the processor has instructions for it, and half as fast
    elsewhere; a save has to hash as fast as the disk writes.
    """
    hashes: tuple[Hash, Hash] = hmac.new(key, digestmod="sha256"), hashlib.blake2b(key=key, digest_size=32)
    return hashes if _has_sha_instructions() else hashes[::-1]


@functools.cache
def _has_sha_instructions() -> bool:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        return False
    return not {"sha_ni", "sha2"}.isdisjoint(flags.split())
