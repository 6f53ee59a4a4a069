"""Opening the SQLite file of the records, and its transactions.

What lives here: the connection, its settings, migration. What must not: tables' meaning.

The file is in WAL mode. A durable commit syncs the log (``synchronous=FULL``); one that is not survives the death of
every process, but not a power cut, and is made durable by the next one that is.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from caesura.errors import HomeUnusable, SchemaTooNew
from caesura.store.home import sync_directory
from caesura.store.migrations import MIGRATIONS, SCHEMA_VERSION

_BUSY_TIMEOUT_S = 10.0


class Database:
    """One connection to the records, for the thread that opened it. :meth:`close` it there too."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open ``path`` and bring it to the present schema version; create it (mode 0600) if it is not there.

        SchemaTooNew if a newer Caesura wrote it (the file stays as it is), HomeUnusable if it cannot be opened or
        written, or is no database.
        """
        self.path = path
        with _explained(path), _reachable(path):
            found = _version_of(path)
            if found > SCHEMA_VERSION:
                raise SchemaTooNew(str(path), found, SCHEMA_VERSION)
            if not read_only:
                is_new = not path.exists()
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
                if is_new:
                    sync_directory(path.parent)
            self.raw = _connect(path, read_only)
            self._begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"  # immediate: wait for the lock first
            self._synchronous = ""
            # Transactions are ours: SQLAlchemy's begin and commit cost several times what SQLite's do.
            self._engine = create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool)
            self.connection: Connection = self._engine.connect()
            try:
                if not read_only:
                    self._prepare()
            except BaseException:
                self.close()
                raise

    def _prepare(self) -> None:
        self._pragma("journal_mode=WAL")
        self._pragma("foreign_keys=ON")
        with self.transaction(durable=True):
            version = self._version()
            for steps in MIGRATIONS[version:]:
                for statement in steps:
                    self.connection.exec_driver_sql(statement)
            if version < SCHEMA_VERSION:
                self.connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),)
                )

    def _version(self) -> int:
        row = self.connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'meta'").first()
        if row is None:
            return 0
        row = self.connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'schema_version'").first()
        return 0 if row is None else int(row[0])

    def _pragma(self, text: str) -> None:
        # Past SQLAlchemy, which would open a transaction first; these settings cannot change inside one.
        self.raw.execute(f"PRAGMA {text}").close()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        """One transaction, committed at the end, rolled back at an exception. Nested ones are not allowed."""
        with _explained(self.path):
            synchronous = "FULL" if durable else "NORMAL"
            if synchronous != self._synchronous:
                self._pragma(f"synchronous={synchronous}")
                self._synchronous = synchronous
            self.raw.execute(self._begin).close()
            try:
                yield
                self._check_open()
                self.raw.execute("COMMIT").close()
            except BaseException:
                if self.raw.in_transaction:
                    self.raw.execute("ROLLBACK").close()
                raise

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that is undone alone when it raises."""
        with _explained(self.path):
            self._check_open()
            yield from self._part()

    def _part(self) -> Iterator[None]:
        self.raw.execute("SAVEPOINT part").close()
        try:
            yield
        except BaseException:
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK TO part").close()
                self.raw.execute("RELEASE part").close()
            raise
        self.raw.execute("RELEASE part").close()

    def _check_open(self) -> None:
        # At some errors (disk full, I/O) SQLite rolls the whole transaction back by itself. A COMMIT would then
        # succeed and mean nothing.
        if not self.raw.in_transaction:
            raise sqlite3.OperationalError("the transaction was rolled back by an earlier error")

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()
        self.raw.close()


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    # isolation_level None: we say BEGIN ourselves.
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)


def _version_of(path: Path) -> int:
    """The schema version of the file, looked up without writing to it; 0 if there is none."""
    if not path.exists() or path.stat().st_size == 0:
        return 0
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)
    try:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
            return 0
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        return 0 if row is None else int(row[0])
    finally:
        connection.close()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says into an error that names the file and what to do."""
    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", error)
        if type(cause) not in (sqlite3.OperationalError, sqlite3.DatabaseError):  # the others are bugs of ours
            raise
        raise HomeUnusable(
            f"The records at {path} cannot be used: {cause}. "
            "Check that the directory is writable and the disk is not full, move a damaged file away, "
            "or point CAESURA_HOME at another directory."
        ) from error


@contextlib.contextmanager
def _reachable(path: Path) -> Iterator[None]:
    """The same for what the system says when the file is opened."""
    try:
        yield
    except OSError as error:
        raise HomeUnusable(
            f"The records at {path} cannot be opened: {error.strerror or error}. "
            "Make the directory writable for your user, or point CAESURA_HOME at another one."
        ) from error
