"""What this process has mapped and never written to need not be read to know what it is.

A blob is mapped copy-on-write: a page that was written to becomes the process's own. Linux says of each page whether
that happened (https://docs.kernel.org/admin-guide/mm/pagemap.html). Elsewhere nothing is known, and everything is
hashed again.

What lives here: which mappings there are, and whether one was written to. What must not: files, hashes.
"""

from __future__ import annotations

import ctypes
import dataclasses
import mmap
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from typing import Final

Identity = tuple[int, ...]

_PAGEMAP: Final = "/proc/self/pagemap"
_ENTRY_BYTES: Final = 8
_PAGES_AT_ONCE: Final = 1 << 16
"""256 MB: to find one that was written to early saves looking at the rest."""
# The highest byte of an entry: bit 7 the page is in memory, bit 6 it is swapped out, bit 5 it is a page of a file.
_UNTOUCHED: Final = bytes(byte for byte in range(256) if not byte & 0xC0 or byte & 0xE0 == 0xA0)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a buffer shows: ``size`` bytes from ``offset`` on in the blob ``name``, whose file was ``identity``."""

    name: str
    offset: int
    size: int
    identity: Identity


@dataclass(frozen=True, slots=True)
class _Mapping:
    """``whole`` is alive as long as anybody has a view of it: until then its addresses are nobody else's."""

    whole: weakref.ref[mmap.mmap]
    origin: Origin


class Mappings:
    """The buffers that one process has mapped from blobs."""

    def __init__(self) -> None:
        self._by_address: dict[int, _Mapping] = {}

    def add(self, view: memoryview, name: str, offset: int, identity: Identity) -> None:
        """``view`` shows a private mapping of part of the blob ``name``, whose file was ``identity`` then."""
        address = _address(view)
        if address is not None and isinstance(view.obj, mmap.mmap):
            origin = Origin(name, offset, view.nbytes, identity)
            self._by_address[address] = _Mapping(weakref.ref(view.obj), origin)

    def renew(self, name: str, before: Identity, now: Identity) -> None:
        """The file of a blob is ``now`` what was ``before``, and holds the same."""
        for address, found in self._by_address.items():
            if found.origin.name == name and found.origin.identity == before:
                origin = dataclasses.replace(found.origin, identity=now)
                self._by_address[address] = _Mapping(found.whole, origin)

    def untouched(self, views: Sequence[memoryview]) -> list[Origin | None]:
        """For each of ``views``: where it comes from, if it still shows that as it was mapped; None if that is not
        known."""
        origins: list[Origin | None] = [None] * len(views)
        found = [(index, *self._found(view)) for index, view in enumerate(views)] if self._by_address else []
        mapped = [(index, address, origin) for index, address, origin in found if origin is not None]
        if not mapped:
            return origins
        try:
            with open(_PAGEMAP, "rb", buffering=0) as pages:
                for index, address, origin in mapped:
                    if _is_untouched(pages, address, origin.size):
                        origins[index] = origin
        except OSError:
            return [None] * len(views)
        return origins

    def _found(self, view: memoryview) -> tuple[int, Origin | None]:
        address = _address(view)
        found = None if address is None else self._by_address.get(address)
        if address is None or found is None or found.origin.size != view.nbytes:
            return 0, None
        if found.whole() is None:
            del self._by_address[address]
            return 0, None
        return address, found.origin


def _address(view: memoryview) -> int | None:
    if view.readonly or not view.nbytes:
        return None
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


def _is_untouched(pages: FileIO, address: int, size: int) -> bool:
    first, last = address // mmap.PAGESIZE, (address + size - 1) // mmap.PAGESIZE
    for start in range(first, last + 1, _PAGES_AT_ONCE):
        wanted = min(_PAGES_AT_ONCE, last + 1 - start) * _ENTRY_BYTES
        entries = os.pread(pages.fileno(), wanted, start * _ENTRY_BYTES)
        highest = entries[_ENTRY_BYTES - 1 :: _ENTRY_BYTES]
        if len(entries) != wanted or highest.translate(None, _UNTOUCHED):
            return False
    return True
