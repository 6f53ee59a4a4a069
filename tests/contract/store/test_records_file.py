"""The file of the records: versions, permissions, durability, damage."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect

from caesura.errors import HomeUnusable, SchemaTooNew
from caesura.store import database
from caesura.store.database import Database
from caesura.store.migrations import MIGRATIONS, SCHEMA_VERSION
from caesura.store.records import Records
from caesura.store.rows import SessionRow
from caesura.store.schema import metadata

GOLDEN = Path(__file__).parents[2] / "golden" / "records"


def from_dump(path: Path, version: int) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript((GOLDEN / f"version-{version}.sql").read_text())
    connection.close()
    return path


def test_a_new_file_is_private_has_the_present_version_and_its_log_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    with Records.open(path) as records, records.transaction(durable=True):
        records.set_mark("a", "1")
        modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in tmp_path.iterdir()}
    assert modes == {"records.sqlite": 0o600, "records.sqlite-wal": 0o600, "records.sqlite-shm": 0o600}


def test_the_tables_that_queries_use_are_those_that_the_migrations_make(tmp_path: Path) -> None:
    opened = Database(tmp_path / "records.sqlite")
    try:
        found = inspect(opened.connection)
        made = {table: {column["name"] for column in found.get_columns(table)} for table in found.get_table_names()}
    finally:
        opened.close()
    assert made == {name: set(table.columns.keys()) for name, table in metadata.tables.items()}


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_file_of_every_released_version_opens_with_what_it_held(tmp_path: Path, version: int) -> None:
    path = from_dump(tmp_path / "records.sqlite", version)
    with Records.open(path) as records, records.transaction(durable=False):
        (session,) = records.sessions()
        assert (session.id, session.epoch, session.snapshot_id, session.next_number) == ("s-1", 1, "n-1", 3)
        assert session.connection == {"ip": "127.0.0.1", "shell_port": 1}
        (cell,) = records.cells("s-1")
        assert (cell.id, cell.state, cell.request, cell.moves) == ("c-1", "released", b"\x00\x01", 1)
        assert [(row.id, row.state, row.due) for row in records.operations("s-1")] == [("o-1", "pending", 60.5)]
        assert records.live_blobs() == {"aa", "bb"}
        assert [row.waited_for for row in records.moves("s-1")] == [[{"label": "fetch"}]]
        assert [row.reason for row in records.decisions("s-1")] == ["the policy is always"]
        assert [row.duration_s for row in records.recent_waits()] == [3.25]
        assert [(row.n, row.frames) for row in records.outputs("s-1")] == [(1, b"\xff")]
        if version >= 2:
            assert session.holder == {"since": 9.5}
            assert records.kept_totals("s-1") == (1, 1, 1)
        assert [row.freed_byte_s for row in records.savings()] == ([2500.0] if version >= 5 else [])
        assert [row.kind for row in records.open_events("s-1")] == ["interrupt"]
        assert records.mark("greeting") == "hello"


def test_a_file_of_a_newer_version_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = from_dump(tmp_path / "records.sqlite", 1)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    connection.commit()
    connection.close()
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    with pytest.raises(SchemaTooNew) as caught:
        Records.open(path)
    assert (caught.value.found, caught.value.known, caught.value.path) == (99, SCHEMA_VERSION, str(path))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_migration_that_fails_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = from_dump(tmp_path / "records.sqlite", 1)
    broken = (*MIGRATIONS, ("CREATE TABLE extra (id TEXT)", "this is no SQL"))
    monkeypatch.setattr(database, "MIGRATIONS", broken)
    monkeypatch.setattr(database, "SCHEMA_VERSION", len(broken))
    with pytest.raises(HomeUnusable):
        Records.open(path)
    monkeypatch.undo()
    with sqlite3.connect(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert "extra" not in tables
    Records.open(path).close()


def test_migrations_are_applied_in_order_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = from_dump(tmp_path / "records.sqlite", 1)
    more = (*MIGRATIONS, ("CREATE TABLE extra (id TEXT)",), ("INSERT INTO extra VALUES ('x')",))
    monkeypatch.setattr(database, "MIGRATIONS", more)
    monkeypatch.setattr(database, "SCHEMA_VERSION", len(more))
    for _ in range(2):
        Records.open(path).close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM extra").fetchone() == (1,)
    connection.close()


def test_a_damaged_file_is_refused_with_its_path_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    with pytest.raises(HomeUnusable, match="CAESURA_HOME") as caught:
        Records.open(path)
    assert str(path) in str(caught.value)


def test_records_in_a_directory_that_is_not_there_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable, match="CAESURA_HOME"):
        Records.open(tmp_path / "missing" / "records.sqlite")


def test_records_opened_for_reading_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    Records.open(path).close()
    with Records.open(path, read_only=True) as records:
        with records.transaction(durable=False):
            assert records.sessions() == []
        with pytest.raises(HomeUnusable, match="readonly"), records.transaction(durable=False):
            records.set_mark("a", "1")


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    with Records.open(tmp_path / "records.sqlite") as records:
        with contextlib.suppress(LookupError), records.transaction(durable=True):
            records.set_mark("a", "1")
            raise LookupError
        with records.transaction(durable=False):
            assert records.mark("a") is None


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_a_durable_transaction_syncs_the_log(tmp_path: Path, durable: bool, synchronous: int) -> None:
    with Records.open(tmp_path / "records.sqlite") as records, records.transaction(durable=durable):
        connection = records._database.connection
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == synchronous
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.process
@pytest.mark.parametrize("durable", [True, False])
def test_what_was_committed_survives_the_killing_of_the_process(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "records.sqlite"
    code = f"""
import os, signal
from pathlib import Path
from caesura.store.writer import Writer
writer = Writer(Path({str(path)!r}))
for n in range(20):
    writer.submit(lambda records, n=n: records.set_mark(str(n), "v"), durable={durable}).result()
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    with Records.open(path) as records, records.transaction(durable=False):
        assert [records.mark(str(n)) for n in range(20)] == ["v"] * 20


def test_a_path_may_hold_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "a ?b#c%20ü" / "records.sqlite"
    path.parent.mkdir()
    with Records.open(path) as records, records.transaction(durable=True):
        records.add_session(SessionRow(id="s", kind="notebook", state="idle", created=1.0, updated=1.0))
    assert path.exists()
