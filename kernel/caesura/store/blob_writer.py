"""Writing blobs beside hashing them, so that both take as long as the longer one.

The disk is kept at work from the first chunk on: each chunk is sent to it when it has been written, where otherwise the
system waits for a tenth of the memory to be full of such; and a large file is synced while the next one is written.

What lives here: the threads that write and sync temporary files during one save, and how a save is given up. What
must not: names of blobs, knowledge of what is stored already.
"""

from __future__ import annotations

import os
import queue
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final

from caesura.errors import SaveAborted
from caesura.store.blob_layout import chunks
from caesura.store.blob_room import Room

CHUNK_BYTES: Final = 4 << 20
"""Between chunks the question "aborted?" is asked: about 10 ms of hashing or writing."""

TEMPORARY_PREFIX: Final = ".new-"

_SYNCED_ASIDE_BYTES: Final = 32 << 20
"""A file from this size on is synced by a thread of its own, while the next one is written."""

_POLL_S: Final = 0.005


class BlobThread(threading.Thread):
    """The thread's own class: by its module others see that it is not the user's."""


class BlobWriter:
    """Writes temporary files in a thread, for one save. Use as a context manager; leaving it removes what is left.

    Giving up does not wait for a running sync: the thread removes that file when the sync is over.
    """

    def __init__(self, directory: Path, aborted: Callable[[], bool], room: Room) -> None:
        self._directory = directory
        self._room = room
        self._aborted = aborted
        self._jobs: queue.SimpleQueue[tuple[Sequence[memoryview], Future[Path]] | None] = queue.SimpleQueue()
        self._is_given_up = threading.Event()
        self._is_reading = threading.Lock()  # held while the caller's memory is read
        self._thread: threading.Thread | None = None  # ends the other one
        self._syncs: queue.SimpleQueue[tuple[int, Path, Future[Path]] | None] = queue.SimpleQueue()
        self._sync_thread: threading.Thread | None = None

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._is_given_up.set()
            self._jobs.put(None)
            if kind is None:  # all is written: nothing to wait for, and no thread is left behind
                self._thread.join()
            with self._is_reading:  # at most one chunk; from then on nobody reads the caller's buffers
                pass

    def check(self) -> None:
        """SaveAborted if something came first."""
        if self._aborted():
            raise SaveAborted("the save was given up: something came first")

    def start(self, pieces: Sequence[memoryview]) -> Future[Path]:
        """Begin to write a file; its future has the path of the synced temporary file. StoreFull if it has no room."""
        size = sum(piece.nbytes for piece in pieces)
        self._room.take(size)
        if size >= _SYNCED_ASIDE_BYTES and self._sync_thread is None:
            self._sync_thread = BlobThread(target=self._run_syncs, name="caesura-blobs-sync", daemon=True)
            self._sync_thread.start()
        if self._thread is None:
            self._thread = BlobThread(target=self._run, name="caesura-blobs", daemon=True)
            self._thread.start()
        future: Future[Path] = Future()
        self._jobs.put((pieces, future))
        return future

    def wait(self, future: Future[Path]) -> Path:
        """The path of a written file, looking at "aborted?" meanwhile. Raises what the writing raised."""
        while True:
            self.check()
            try:
                return future.result(timeout=_POLL_S)
            except TimeoutError:
                if future.done():  # a timeout of the file system, not of ours
                    raise

    def _run(self) -> None:
        made: list[Path] = []
        while (job := self._jobs.get()) is not None:
            pieces, future = job
            path = self._directory / f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"
            made.append(path)
            try:
                self._write(path, pieces, future)
            except (OSError, SaveAborted) as error:
                future.set_exception(error)
            del job, pieces, future
        if self._sync_thread is not None:
            self._syncs.put(None)
            self._sync_thread.join()
        for path in made:
            path.unlink(missing_ok=True)

    def _write(self, path: Path, pieces: Sequence[memoryview], future: Future[Path]) -> None:
        """Write a file and have it synced; ``future`` gets its path then."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            parts = chunks(pieces, CHUNK_BYTES)
            written = 0
            while (size := self._write_next(descriptor, parts)) is not None:
                _send_to_disk(descriptor, written, size)
                written += size
        except BaseException:
            os.close(descriptor)
            raise
        if written < _SYNCED_ASIDE_BYTES:
            self._sync(descriptor, path, future)
        else:
            self._syncs.put((descriptor, path, future))

    def _run_syncs(self) -> None:
        while (job := self._syncs.get()) is not None:
            self._sync(*job)
            del job

    def _sync(self, descriptor: int, path: Path, future: Future[Path]) -> None:
        try:
            try:
                if self._is_given_up.is_set():
                    raise SaveAborted("the save was given up: something came first")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except (OSError, SaveAborted) as error:
            future.set_exception(error)
        else:
            future.set_result(path)

    def _write_next(self, descriptor: int, parts: Iterator[memoryview]) -> int | None:
        """How many bytes were written; None if there are no more."""
        with self._is_reading:
            if self._is_given_up.is_set():
                raise SaveAborted("the save was given up: something came first")
            chunk = next(parts, None)
            if chunk is None:
                return None
            with chunk:
                written = 0
                while written < chunk.nbytes:
                    written += os.write(descriptor, chunk[written:])
                return written


def _send_to_disk(descriptor: int, offset: int, size: int) -> None:
    """Have the system begin to write what was put into its cache. It stays there: Linux drops with this advice only
    what is on the disk already (https://man7.org/linux/man-pages/man2/posix_fadvise.2.html)."""
    if sys.platform == "linux":
        os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_DONTNEED)
