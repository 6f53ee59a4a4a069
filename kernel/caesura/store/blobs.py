"""Bulk: immutable, named by a keyed hash of what is in them, mapped copy-on-write.

::

    blobs = Blobs(home.blobs_path, home.key)
    refs = blobs.put(buffers, aborted=lambda: False)      # durable when it returns; one ref per buffer, in order
    views = blobs.map_all(refs)                           # writable memoryviews; pages come from disk when touched
    blobs.collect(live={ref.name for ref in refs}, keep_newer_than_s=3600)

Buffers below 8 MB are packed, page-aligned, into files of up to 64 MB (one sync and one mapping a pack); larger ones
get a file each. A file lies at ``ab/abcdef...`` and is made by rename, so whatever has a name is complete.

The name is a hash (32 bytes, hex) of the content under the home's key, HMAC-SHA256 or BLAKE2b: a file that somebody
without the key changed or made does not verify. (BLAKE3 would be faster, but is not in the standard library.) Hashing
runs beside the writing, without the interpreter lock.

What must not be here: what the bytes mean. Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from caesura import clock
from caesura.errors import HomeUnusable, SnapshotRefused
from caesura.store.blob_files import OpenBlob, boot_id, collect, missing
from caesura.store.blob_layout import BlobRef, Buffer, FilePlan, authenticator, chunks, content_hashes, flat, plan
from caesura.store.blob_mappings import Mappings
from caesura.store.blob_room import RESERVE_BYTES, Room, no_room
from caesura.store.blob_writer import CHUNK_BYTES, BlobWriter
from caesura.store.home import sync_directory

YOUNG_S: Final = 300.0
"""A blob that is younger is safe from any collection for a while. To set the time of an older one costs others, whose
snapshots have it too, the proof that it is unchanged."""

_WORTH_KEEPING: Final = 0.5
"""A pack of which a smaller part is needed is left to the collection, and what is needed is written anew."""

_NAME: Final = re.compile(r"[0-9a-f]{64}")


__all__ = ["BlobRef", "Blobs"]


def _never() -> bool:
    return False


class Blobs:
    """The blobs of one home. Not thread-safe; any number of processes may share the directory.

    ``key`` is the home's secret: 1 to 64 bytes.
    """

    def __init__(self, directory: Path, key: bytes) -> None:
        self._directory = directory
        self._key = key
        self._sizes: set[int] = set()  # of the files met so far: only such a one may be stored already
        self._verified: dict[str, tuple[int, ...]] = {}
        self._mappings = Mappings()
        self.written_bytes = 0

    # --- writing ----------------------------------------------------------------------------------------------------

    def put(
        self,
        buffers: Sequence[Buffer],
        aborted: Callable[[], bool] = _never,
        *,
        room_bytes: int | None = None,
    ) -> list[BlobRef]:
        """Store ``buffers`` (contiguous, any item type); one ref for each, in order. They are on disk afterwards, and
        ``written_bytes`` says how much of it was not stored before.

        ``aborted`` is asked at least every 50 ms; when it is true nothing is kept and SaveAborted is raised.
        StoreFull, with nothing kept, if more than ``room_bytes`` would have to be written, or more than the disk has
        room for. HomeUnusable if the directory cannot be written.
        """
        views = [flat(buffer) for buffer in buffers]
        self.written_bytes = 0
        if not views:
            return []
        try:
            with self._explained():
                return self._put(views, aborted, room_bytes)
        finally:
            for view in views:  # a traceback must not keep the user's buffers from being resized
                view.release()

    def ref_without_file(self, data: bytes, room_bytes: int | None = None) -> BlobRef:
        """What :meth:`put` would give for ``data`` alone, which the caller keeps; :meth:`check` is the way back.
        StoreFull and HomeUnusable as there."""
        with self._explained():
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._room(room_bytes).take(len(data))
        digest, _ = content_hashes(self._key)
        digest.update(memoryview(data))
        return BlobRef(digest.hexdigest(), len(data))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise no_room(self._directory, str(error.strerror)) from error
            raise HomeUnusable(
                f"Nothing can be stored in {self._directory}: {error.strerror or error}. "
                "Free some space or make it writable, or point CAESURA_HOME at another directory."
            ) from error

    def check(self, ref: BlobRef, data: Buffer) -> None:
        """SnapshotRefused, naming the blob, unless ``data`` is what ``ref`` was made for."""
        for digest in content_hashes(self._key):  # another machine may have named it
            digest.update(memoryview(data))
            if digest.hexdigest() == ref.name and len(memoryview(data)) == ref.size:
                return
        raise SnapshotRefused(f"The part {ref.name} of this snapshot was changed; it is not loaded.", blob=ref.name)

    def _put(self, views: Sequence[memoryview], aborted: Callable[[], bool], room_bytes: int | None) -> list[BlobRef]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        refs = self._still_stored(views)
        files = list(plan(views, [index for index, ref in enumerate(refs) if ref is None]))
        with BlobWriter(self._directory, aborted, self._room(room_bytes)) as writer:
            begun = [(file, *self._begin(file, writer)) for file in files]
            written = [(name, None if future is None else writer.wait(future)) for _, name, future in begun]
            writer.check()
            self._place(written)
        self.written_bytes = sum(
            file.size_bytes for (file, _, _), (_, path) in zip(begun, written, strict=True) if path is not None
        )
        for file, name, _ in begun:
            self._sizes.add(file.size_bytes)
            for index, offset in zip(file.indices, file.offsets, strict=True):
                refs[index] = BlobRef(name, views[index].nbytes, offset)
        return [BlobRef("", 0) if ref is None else ref for ref in refs]

    def _room(self, room_bytes: int | None) -> Room:
        found = os.statvfs(self._directory)
        return Room(self._directory, found.f_bavail * found.f_frsize - RESERVE_BYTES, room_bytes)

    def _begin(self, file: FilePlan, writer: BlobWriter) -> tuple[str, Future[Path] | None]:
        """The name of the file, and its writing if it is not stored already."""
        if file.size_bytes not in self._sizes:
            future = writer.start(file.pieces)
            return self._hash(file, writer), future
        name = self._hash(file, writer)
        return name, None if self._is_stored(name, file.size_bytes) else writer.start(file.pieces)

    def _still_stored(self, views: Sequence[memoryview]) -> list[BlobRef | None]:
        """References to what was mapped from a blob, was not written to since, and is there as it was: nobody has to
        read it. None for the others, and for what is left of a pack most of which is not needed any more."""
        refs = self._mappings.untouched(views)
        needed: dict[str, int] = {}
        for ref in refs:
            if ref is not None:
                needed[ref.name] = needed.get(ref.name, 0) + ref.size
        lost = {name for name, size in needed.items() if not self._is_as_it_was(name, size)}
        return [None if ref is not None and ref.name in lost else ref for ref in refs] if lost else refs

    def _is_as_it_was(self, name: str, needed_bytes: int) -> bool:
        identity = self._mappings.identity(name)
        try:
            with self._open(name) as blob:
                size_bytes = blob.size_bytes
                if blob.identity != identity or needed_bytes < size_bytes * _WORTH_KEEPING:
                    return False
            if not self._is_stored(name, size_bytes):
                return False
            with self._open(name) as blob:
                self._mappings.renew(name, blob.identity)  # its times may have been set
        except SnapshotRefused:
            return False
        return True

    def _hash(self, file: FilePlan, writer: BlobWriter) -> str:
        digest, _ = content_hashes(self._key)
        for chunk in chunks(file.pieces, CHUNK_BYTES):
            with chunk:
                writer.check()
                digest.update(chunk)
        return digest.hexdigest()

    def _is_stored(self, name: str, size_bytes: int) -> bool:
        path = self._path(name)
        try:
            if path.stat().st_mtime < clock.wall() - YOUNG_S:
                os.utime(path)  # as if written now: a collection under way leaves it alone
            return path.stat().st_size == size_bytes
        except FileNotFoundError:
            return False

    def _place(self, written: Sequence[tuple[str, Path | None]]) -> None:
        folders: set[Path] = set()
        for name, temporary in written:
            if temporary is not None:
                path = self._path(name)
                if not path.parent.is_dir():
                    path.parent.mkdir(mode=0o700, exist_ok=True)
                    folders.add(self._directory)
                os.replace(temporary, path)
                folders.add(path.parent)
        for folder in folders:
            sync_directory(folder)

    # --- reading ----------------------------------------------------------------------------------------------------

    def map(self, ref: BlobRef, *, verify: bool = True, proof: str = "") -> memoryview:
        """The bytes as writable memory of this process only; the file never changes. See :meth:`map_all`."""
        return self.map_all([ref], verify=verify, proofs={ref.name: proof})[0]

    def map_all(
        self, refs: Sequence[BlobRef], *, verify: bool = True, proofs: Mapping[str, str] | None = None
    ) -> list[memoryview]:
        """Writable views of all ``refs``, in order, one mapping a file; equal refs do not share memory.

        With ``verify`` each file is hashed first, unless its entry in ``proofs`` (from :meth:`proof`) still holds or
        this object has hashed it before. SnapshotRefused, naming the blob, if one is missing, short or changed.
        """
        views = [memoryview(bytearray())] * len(refs)
        by_file: dict[str, list[int]] = {}
        for index, ref in enumerate(refs):
            if ref.name:
                by_file.setdefault(ref.name, []).append(index)
        for name, indices in by_file.items():
            with self._open(name) as blob:
                if verify:
                    self._verify(blob, (proofs or {}).get(name, ""))
                for index in indices:
                    blob.check_range(refs[index].offset, refs[index].size)
                for index, view in zip(indices, _mapped(blob, [refs[i] for i in indices]), strict=True):
                    views[index] = view
                    if verify:
                        self._mappings.add(view, refs[index], blob.identity)
        return views

    def read(self, ref: BlobRef, *, verify: bool = True) -> bytes:
        """A copy of the bytes. Errors as :meth:`map_all`."""
        return bytes(self.map(ref, verify=verify))

    def proof(self, name: str) -> str:
        """What is to be kept (in an authenticated place) to spare the next reader the hashing: boot, inode, size and
        change time of the file. Take it after :meth:`put`. Empty where the machine does not tell its boots apart."""
        with self._open(name) as blob:
            return _proof_of(blob)

    def verify(self, name: str) -> None:
        """SnapshotRefused, naming the blob, unless the file is there and its content is what the name says."""
        with self._open(name) as blob:
            self._verify(blob, "")

    def authenticate(self, data: bytes) -> str:
        """The hash of ``data`` under the home's key: nobody without the key can make it for other data."""
        return authenticator(self._key, data)

    def _verify(self, blob: OpenBlob, proof: str) -> None:
        if proof and proof == _proof_of(blob):
            return
        if self._verified.get(blob.name) != blob.identity:
            blob.check_hash(self._key)
            self._verified[blob.name] = blob.identity

    def _open(self, name: str) -> OpenBlob:
        if _NAME.fullmatch(name) is None:  # a name out of a damaged manifest must not lead anywhere else
            raise missing(name, self._directory)
        blob = OpenBlob(self._path(name), name)
        self._sizes.add(blob.size_bytes)
        return blob

    def _path(self, name: str) -> Path:
        return self._directory / name[:2] / name

    # --- collection -------------------------------------------------------------------------------------------------

    def collect(self, live: Collection[str], keep_newer_than_s: float) -> int:
        """Remove every blob that is neither in ``live`` nor younger than ``keep_newer_than_s`` seconds (a save under
        way has not recorded its blobs yet), and what broken saves left; the bytes freed."""
        return collect(self._directory, set(live), keep_newer_than_s)


def _mapped(blob: OpenBlob, refs: Sequence[BlobRef]) -> Iterator[memoryview]:
    whole = blob.map_private() if len(refs) > 1 else None
    taken: set[int] = set()
    for ref in refs:
        if whole is None or ref.offset in taken:  # what two buffers share on disk they must not share in memory
            yield blob.map_private(ref.offset, ref.size)
        else:
            taken.add(ref.offset)
            yield whole[ref.offset : ref.offset + ref.size]


def _proof_of(blob: OpenBlob) -> str:
    boot = boot_id()
    return f"{boot}:{':'.join(map(str, blob.identity))}" if boot else ""
