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
import weakref
from dataclasses import dataclass
from typing import Final

Identity = tuple[int, ...]

_PAGEMAP: Final = "/proc/self/pagemap"
_ENTRY_BYTES: Final = 8
# The highest byte of an entry: bit 7 the page is in memory, bit 6 it is swapped out, bit 5 it is a page of a file.
_UNTOUCHED: Final = bytes(byte for byte in range(256) if not byte & 0xC0 or byte & 0xE0 == 0xA0)


@dataclass(frozen=True, slots=True)
class _Mapping:
    """``whole`` is alive as long as anybody has a view of it: until then its address is nobody else's."""

    whole: weakref.ref[mmap.mmap]
    size: int
    name: str
    identity: Identity


class Mappings:
    """The whole blobs that one process has mapped."""

    def __init__(self) -> None:
        self._by_address: dict[int, _Mapping] = {}

    def add(self, view: memoryview, name: str, identity: Identity) -> None:
        """``view`` shows a private mapping of all of the blob ``name``, whose file was ``identity`` then."""
        address = _address(view)
        if address is not None and isinstance(view.obj, mmap.mmap):
            self._by_address[address] = _Mapping(weakref.ref(view.obj), view.nbytes, name, identity)

    def renew(self, view: memoryview, identity: Identity) -> None:
        """The file of what ``view`` shows is ``identity`` now, and is the same as before."""
        address = _address(view)
        found = None if address is None else self._by_address.get(address)
        if address is not None and found is not None:
            self._by_address[address] = dataclasses.replace(found, identity=identity)

    def untouched(self, view: memoryview) -> tuple[str, Identity] | None:
        """The name and identity of the blob that ``view`` still shows as it was mapped; None if that is not known."""
        address = _address(view)
        found = None if address is None else self._by_address.get(address)
        if address is None or found is None or found.size != view.nbytes or found.whole() is None:
            return None
        return (found.name, found.identity) if _is_untouched(address, view.nbytes) else None


def _address(view: memoryview) -> int | None:
    if view.readonly or not view.nbytes:
        return None
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


def _is_untouched(address: int, size: int) -> bool:
    first, last = address // mmap.PAGESIZE, (address + size - 1) // mmap.PAGESIZE
    wanted = (last - first + 1) * _ENTRY_BYTES
    try:
        with open(_PAGEMAP, "rb", buffering=0) as file:
            file.seek(first * _ENTRY_BYTES)
            entries = file.read(wanted)
    except OSError:
        return False
    highest = entries[_ENTRY_BYTES - 1 :: _ENTRY_BYTES]
    return len(entries) == wanted and not highest.translate(None, _UNTOUCHED)
