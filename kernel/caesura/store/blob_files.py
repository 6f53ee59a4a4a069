"""A stored blob as an open file: checking, mapping, collecting.

What lives here: system calls on existing blobs. What must not: how they are written, what a ref is.
"""

from __future__ import annotations

import functools
import mmap
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from caesura import clock
from caesura.errors import SnapshotRefused
from caesura.store.blob_layout import Hash, content_hashes
from caesura.store.blob_writer import TEMPORARY_PREFIX

_READ_BYTES = 1 << 20
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_read_text = Path.read_text  # bound here: a notebook may replace it
_TRASH_PREFIX = ".old-"


def missing(name: str, directory: Path) -> SnapshotRefused:
    return SnapshotRefused(f"The snapshot needs the blob {name}, which is not in {directory}.", blob=name)


class OpenBlob:
    """One blob, open for reading. SnapshotRefused if it is not there. A context manager."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise missing(name, path.parent.parent) from error
        found = os.fstat(self._descriptor)
        self.size_bytes = found.st_size
        self.identity = (found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def check_hash(self, key: bytes) -> None:
        """SnapshotRefused unless the content is what the name says."""
        if not any(
            self._digest(each) == self.name for each in content_hashes(key)
        ):  # another machine may have named it
            raise SnapshotRefused(
                f"The blob {self.name} was changed since it was written ({self._path}); it is not loaded.",
                blob=self.name,
            )

    def _digest(self, digest: Hash) -> str:
        view = memoryview(bytearray(_READ_BYTES))
        position = 0
        while count := os.preadv(self._descriptor, [view], position):
            digest.update(view[:count])
            position += count
        return digest.hexdigest()

    def check_range(self, offset: int, size: int) -> None:
        """SnapshotRefused if the file is too short: touching a mapping behind the end kills the process."""
        if offset + size > self.size_bytes:
            raise SnapshotRefused(
                f"The blob {self.name} has {self.size_bytes} bytes, {offset + size} are needed ({self._path}).",
                blob=self.name,
            )

    def map_private(self, offset: int = 0, size: int | None = None) -> memoryview:
        """``size`` bytes (by default all) as writable memory of this process only."""
        length = self.size_bytes - offset if size is None else size
        base = offset - offset % mmap.ALLOCATIONGRANULARITY
        if sys.version_info >= (3, 13):  # earlier ones keep a descriptor per mapping
            mapped = mmap.mmap(
                self._descriptor, offset - base + length, access=mmap.ACCESS_COPY, offset=base, trackfd=False
            )
        else:
            mapped = mmap.mmap(self._descriptor, offset - base + length, access=mmap.ACCESS_COPY, offset=base)
        return memoryview(mapped)[offset - base :]


@functools.cache
def boot_id() -> str:
    """What tells this boot of the machine from others; empty where the system does not say."""
    try:
        return _read_text(_BOOT_ID).strip()
    except OSError:
        return ""


def collect(directory: Path, live: set[str], keep_newer_than_s: float) -> int:
    """See :meth:`caesura.store.blobs.Blobs.collect`."""
    oldest_kept = clock.wall() - keep_newer_than_s
    freed = 0
    for path in sorted(directory.glob("[0-9a-f][0-9a-f]/*")) + sorted(directory.glob(f"{TEMPORARY_PREFIX}*")):
        if path.name in live:
            continue
        original = path.with_name(path.name.removeprefix(_TRASH_PREFIX))
        if original.name in live and not original.exists():  # a collection died between its two looks
            path.rename(original)
            continue
        try:
            freed += _remove_if_old(path, oldest_kept)
        except FileNotFoundError:
            continue  # another process collects too, or a save has just taken its file up
    return freed


def _remove_if_old(path: Path, oldest_kept: float) -> int:
    if path.stat().st_mtime > oldest_kept:
        return 0
    # Taken away first, looked at again, then removed: a save that found it meanwhile has set its time to now, and
    # one that comes later does not find it and writes it.
    aside = path.with_name(f"{_TRASH_PREFIX}{path.name}") if path.name[0] != "." else path
    path.rename(aside)
    found = aside.stat()
    if found.st_mtime > oldest_kept:
        aside.rename(path)
        return 0
    aside.unlink()
    return found.st_size
