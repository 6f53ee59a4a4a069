"""The records of one home: everything that has to outlive a process, except bulk.

::

    records = Records.open(home.records_path)          # in the thread that will use it
    with records.transaction(durable=True):
        records.add_session(SessionRow(...))
    records.close()

A ``Records`` belongs to the thread that opened it. The coordinator does not open it itself but hands functions to a
:class:`~caesura.store.writer.Writer`. Every method runs inside the transaction that is open.

What lives here: the class that holds the parts together. The parts: ``session_records`` (sessions, cells),
``output_records``, ``operation_records`` (operations, events), ``snapshot_records`` (snapshots, moves),
``journal_records`` (decisions, waits, marks). Nothing is unpickled.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from caesura.store import output_files
from caesura.store.database import Database
from caesura.store.journal_records import JournalRecords
from caesura.store.operation_records import OperationRecords
from caesura.store.output_files import OutputFiles
from caesura.store.output_records import OutputRecords
from caesura.store.session_records import SessionRecords
from caesura.store.snapshot_records import SnapshotRecords


class Records(SessionRecords, OutputRecords, OperationRecords, SnapshotRecords, JournalRecords):
    """All tables of one home. See the four parts for the methods."""

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open the file at ``path``, create it or bring it to the present version.

        SchemaTooNew if a newer Caesura wrote it; HomeUnusable, naming path and remedy, if it cannot be used.
        """
        return cls(Database(path, read_only=read_only))

    @property
    def output_files(self) -> OutputFiles:
        """Where the large parts of outputs lie."""
        return OutputFiles(self._database.path.parent / output_files.FOLDER)

    def transaction(self, *, durable: bool) -> AbstractContextManager[None]:
        """One transaction. ``durable`` ones survive a power cut, the others the death of every process."""
        return self._database.transaction(durable=durable)

    def savepoint(self) -> AbstractContextManager[None]:
        """A part of the open transaction that is undone alone when it raises."""
        return self._database.savepoint()

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
