"""What this process has mapped and never written to need not be read to know what it is.

A blob is mapped copy-on-write: a page that was written to becomes the process's own. Linux says of each page whether
that happened (https://docs.kernel.org/admin-guide/mm/pagemap.html). Elsewhere nothing is known, and everything is
hashed again.

What lives here: which mappings there are, and whether one was written to. What must not: files, hashes.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from collections.abc import Iterator, Sequence
from io import FileIO
from typing import Final

from caesura.store.blob_layout import BlobRef

Identity = tuple[int, ...]

_PAGEMAP: Final = "/proc/self/pagemap"
_ENTRY_BYTES: Final = 8
_PAGES_AT_ONCE: Final = 1 << 16
"""256 MB: to find one that was written to early saves looking at the rest."""
_GAP_PAGES: Final = 64
"""Buffers that lie so close to each other are looked at together: a call costs more than some entries."""
# The highest byte of an entry: bit 7 the page is in memory, bit 6 it is swapped out, bit 5 it is a page of a file.
_UNTOUCHED: Final = bytes(byte for byte in range(256) if not byte & 0xC0 or byte & 0xE0 == 0xA0)
_IS_TOUCHED: Final = bytes(byte not in _UNTOUCHED for byte in range(256))

_Found = tuple[int, int, BlobRef]
"""Address, index of the view, and what it was mapped from."""


class Mappings:
    """The buffers that one process has mapped from blobs."""

    def __init__(self) -> None:
        # The mapping is alive as long as anybody has a view of it: until then its addresses are nobody else's.
        self._by_address: dict[int, tuple[weakref.ref[mmap.mmap], BlobRef]] = {}
        self._identities: dict[str, Identity] = {}

    def add(self, view: memoryview, ref: BlobRef, identity: Identity) -> None:
        """``view`` shows a private mapping of ``ref``, in a file that was ``identity`` then and held what its name
        says."""
        address = _address(view)
        if address is not None and isinstance(view.obj, mmap.mmap):
            self._by_address[address] = weakref.ref(view.obj), ref
            self._identities[ref.name] = identity

    def identity(self, name: str) -> Identity:
        """What the file of this blob was when it was last known to hold what was mapped."""
        return self._identities[name]

    def renew(self, name: str, identity: Identity) -> None:
        """The file of a blob is ``identity`` now, and holds the same."""
        self._identities[name] = identity

    def untouched(self, views: Sequence[memoryview]) -> list[BlobRef | None]:
        """For each of ``views``: where it comes from, if it still shows that as it was mapped; None if that is not
        known."""
        refs: list[BlobRef | None] = [None] * len(views)
        found = sorted(self._found(views)) if self._by_address else []
        if not found:
            return refs
        try:
            with open(_PAGEMAP, "rb", buffering=0) as pages:
                for run in _runs(found):
                    for index, ref in _untouched(pages, run):
                        refs[index] = ref
        except OSError:
            return [None] * len(views)
        return refs

    def _found(self, views: Sequence[memoryview]) -> Iterator[_Found]:
        for index, view in enumerate(views):
            address = _address(view)
            known = None if address is None else self._by_address.get(address)
            if address is None or known is None:
                continue
            whole, ref = known
            if whole() is None:
                del self._by_address[address]
            elif ref.size == view.nbytes:
                yield address, index, ref


def _address(view: memoryview) -> int | None:
    if view.readonly or not view.nbytes:
        return None
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


def _pages(address: int, size: int) -> tuple[int, int]:
    """The first page of a buffer, and the one behind its last."""
    return address // mmap.PAGESIZE, (address + size - 1) // mmap.PAGESIZE + 1


def _runs(found: Sequence[_Found]) -> Iterator[list[_Found]]:
    """What is looked at together: buffers close to each other, in order; not more than can be read at once, unless it
    is one."""
    run: list[_Found] = []
    first = end = 0
    for each in found:
        start, behind = _pages(each[0], each[2].size)
        if run and (start > end + _GAP_PAGES or behind - first > _PAGES_AT_ONCE):
            yield run
            run = []
        if not run:
            first, end = start, behind
        run.append(each)
        end = max(end, behind)
    if run:
        yield run


def _untouched(pages: FileIO, run: Sequence[_Found]) -> Iterator[tuple[int, BlobRef]]:
    if len(run) == 1:
        address, index, ref = run[0]
        if all(b"\1" not in part for part in _touched(pages, *_pages(address, ref.size))):
            yield index, ref
        return
    spans = [_pages(address, ref.size) for address, _, ref in run]
    first = spans[0][0]
    touched = b"".join(_touched(pages, first, max(behind for _, behind in spans)))
    for (start, behind), (_, index, ref) in zip(spans, run, strict=True):
        if touched.find(1, start - first, behind - first) < 0:
            yield index, ref


def _touched(pages: FileIO, first: int, behind: int) -> Iterator[bytes]:
    """For each page a byte: whether it was written to, as far as that is known. A part at a time."""
    for start in range(first, behind, _PAGES_AT_ONCE):
        count = min(_PAGES_AT_ONCE, behind - start)
        entries = os.pread(pages.fileno(), count * _ENTRY_BYTES, start * _ENTRY_BYTES)
        known = entries[_ENTRY_BYTES - 1 :: _ENTRY_BYTES].translate(_IS_TOUCHED)
        yield known.ljust(count, b"\1")
