"""The thread that owns the records.

What lives here: a queue, a thread and group commit. What must not: what is written.

::

    writer = Writer(home.records_path)                       # raises what Records.open raises
    future = writer.submit(lambda records: records.record_answer(...), durable=True)
    writer.close()

Functions run one after the other in the order in which they were submitted. Those that are waiting when the thread
comes round share one transaction, so a hundred answers cost one sync of the disk. Each has a savepoint: one that
raises is undone alone, and only its future gets the exception. A future is resolved after the commit, never before.
The result is a ``concurrent.futures.Future``; on an event loop, ``asyncio.wrap_future`` makes it awaitable.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from caesura.errors import CaesuraError, UsageError
from caesura.store.records import Records

T = TypeVar("T")

_MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Job:
    function: Callable[[Records], Any]
    future: Future[Any]
    is_durable: bool


class Writer:
    """Runs functions on the records of one home in a thread of its own. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(path, opened), name="caesura-records", daemon=True)
        self._thread.start()
        try:
            opened.result()
        except BaseException:
            self._thread.join()
            raise

    def submit(self, function: Callable[[Records], T], *, durable: bool) -> Future[T]:
        """Run ``function`` on the records, in its turn; the future has its result once that is committed.

        ``durable`` if it has to survive a power cut. UsageError after :meth:`close`.
        """
        future: Future[T] = Future()
        with self._lock:  # no job behind the end mark
            if self._is_closed:
                raise UsageError("the records are closed")
            self._jobs.put(_Job(function, future, durable))
        return future

    def flush(self) -> None:
        """Return when everything that was submitted until now is committed and synced."""
        self.submit(lambda records: None, durable=True).result()

    def close(self) -> None:
        """Commit what was submitted, close the file, end the thread. More than once does no harm."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self, path: Path, opened: Future[None]) -> None:
        try:
            records = Records.open(path)
        except Exception as error:  # noqa: BLE001  raised again in the thread that waits for it
            opened.set_exception(error)
            return
        opened.set_result(None)
        with records:
            is_open = True
            while is_open:
                batch, is_open = self._next_batch()
                if batch:
                    _commit(records, batch)

    def _next_batch(self) -> tuple[list[_Job], bool]:
        batch: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            if job.future.set_running_or_notify_cancel():
                batch.append(job)
            if len(batch) == _MAX_BATCH:
                return batch, True
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False


def _commit(records: Records, batch: list[_Job]) -> None:
    """Run a batch in one transaction, then tell everybody."""
    outcomes: list[tuple[Any, BaseException | None]] = []
    try:
        with records.transaction(durable=any(job.is_durable for job in batch)):
            if len(batch) == 1:  # what it did is undone with the transaction
                outcomes.append((batch[0].function(records), None))
            else:
                outcomes.extend(_run_one(records, job) for job in batch)
    except BaseException as error:  # noqa: BLE001  nothing was committed: every future says so
        for job in batch:
            job.future.set_exception(error if isinstance(error, CaesuraError) else _not_committed(error))
        return
    for job, (result, failure) in zip(batch, outcomes, strict=True):
        if failure is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(failure)


def _run_one(records: Records, job: _Job) -> tuple[Any, BaseException | None]:
    try:
        with records.savepoint():
            return job.function(records), None
    except BaseException as error:  # noqa: BLE001  it belongs to whoever submitted the function, not to this thread
        return None, error


def _not_committed(error: BaseException) -> BaseException:
    error.add_note("Nothing of this transaction was recorded.")
    return error
