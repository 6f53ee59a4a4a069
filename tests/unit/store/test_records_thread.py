"""The records' thread: order, group commit, one failure alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from caesura.errors import HomeUnusable, UsageError
from caesura.store.database import Database
from caesura.store.records import Records
from caesura.store.writer import Writer


@pytest.fixture
def writer(tmp_path: Path):  # type: ignore[no-untyped-def]
    writer = Writer(tmp_path / "records.sqlite")
    yield writer
    writer.close()


class Gate:
    """Holds the records' thread, so that what is submitted meanwhile comes into one batch."""

    def __init__(self, writer: Writer) -> None:
        self._is_in = threading.Event()
        self._may_go = threading.Event()
        self._held = writer.submit(self._hold, durable=False)
        assert self._is_in.wait(30)

    def _hold(self, records: Records) -> None:
        self._is_in.set()
        assert self._may_go.wait(30)

    def open(self) -> None:
        self._may_go.set()
        self._held.result(30)


def counted_transactions(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    seen: list[bool] = []
    transaction = Database.transaction

    def counted(self: Database, *, durable: bool):  # type: ignore[no-untyped-def]
        seen.append(durable)
        return transaction(self, durable=durable)

    monkeypatch.setattr(Database, "transaction", counted)
    return seen


def test_a_result_comes_back(writer: Writer) -> None:
    writer.submit(lambda records: records.set_mark("a", "1"), durable=True).result()
    assert writer.submit(lambda records: records.mark("a"), durable=False).result() == "1"


def test_functions_run_in_the_order_in_which_they_were_submitted(writer: Writer) -> None:
    seen: list[int] = []

    def note(number: int) -> Callable[[Records], None]:
        return lambda records: seen.append(number)

    futures = [writer.submit(note(number), durable=False) for number in range(1000)]
    futures[-1].result()
    assert seen == list(range(1000))


def test_what_waits_together_is_committed_together_and_durable_if_one_asks_for_it(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(writer)
    seen = counted_transactions(monkeypatch)

    def write(number: int) -> Callable[[Records], None]:
        return lambda records: records.set_mark(f"k{number}", "v")

    futures = [writer.submit(write(number), durable=number == 7) for number in range(20)]
    gate.open()
    for future in futures:
        future.result(30)
    assert seen == [True]


def test_one_that_raises_is_undone_alone(writer: Writer) -> None:
    def fail(records: Records) -> None:
        records.set_mark("bad", "1")
        raise LookupError("no")

    gate = Gate(writer)
    before = writer.submit(lambda records: records.set_mark("before", "1"), durable=False)
    failing = writer.submit(fail, durable=False)
    after = writer.submit(lambda records: records.set_mark("after", "1"), durable=False)
    gate.open()
    assert before.result(30) is after.result(30) is None
    with pytest.raises(LookupError, match="no"):
        failing.result(30)
    marks = writer.submit(lambda records: [records.mark(key) for key in ("before", "bad", "after")], durable=False)
    assert marks.result(30) == ["1", None, "1"]


def test_nobody_is_told_before_the_commit(writer: Writer, tmp_path: Path) -> None:
    seen: list[str | None] = []

    def look(future: Future[None]) -> None:
        with Records.open(tmp_path / "records.sqlite", read_only=True) as other, other.transaction(durable=False):
            seen.append(other.mark("a"))

    gate = Gate(writer)
    future = writer.submit(lambda records: records.set_mark("a", "1"), durable=True)
    future.add_done_callback(look)
    gate.open()
    writer.flush()
    assert seen == ["1"]


def test_when_the_database_gives_the_transaction_up_nobody_is_told_that_it_succeeded(writer: Writer) -> None:
    def give_up(records: Records) -> None:  # as SQLite does by itself when the disk is full
        records._database.raw.execute("ROLLBACK")
        raise LookupError("disk full")

    gate = Gate(writer)
    before = writer.submit(lambda records: records.set_mark("before", "1"), durable=True)
    failing = writer.submit(give_up, durable=False)
    after = writer.submit(lambda records: records.set_mark("after", "1"), durable=False)
    gate.open()
    for future in (before, failing, after):
        with pytest.raises(HomeUnusable, match="rolled back"):
            future.result(30)
    assert writer.submit(lambda records: records.mark("before"), durable=False).result(30) is None


def test_a_full_disk_is_said_to_whom_it_hits_and_the_others_go_on(writer: Writer, tmp_path: Path) -> None:
    def limit(records: Records) -> None:
        records._database.raw.execute("PRAGMA max_page_count = 60")

    writer.submit(limit, durable=False).result(30)
    gate = Gate(writer)
    small = writer.submit(lambda records: records.set_mark("small", "1"), durable=True)
    large = writer.submit(lambda records: records.set_mark("large", "x" * 1_000_000), durable=True)
    gate.open()
    with pytest.raises(HomeUnusable, match="full") as caught:
        large.result(30)
    assert str(tmp_path) in str(caught.value)
    recorded = writer.submit(lambda records: (records.mark("small"), records.mark("large")), durable=False).result(30)
    assert recorded == ("1" if small.exception(30) is None else None, None)
    writer.submit(lambda records: records.set_mark("later", "1"), durable=True).result(30)


def test_a_function_that_raises_what_ends_a_process_does_not_end_the_thread(writer: Writer) -> None:
    def leave(records: Records) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        writer.submit(leave, durable=False).result(30)
    assert writer.submit(lambda records: 1, durable=False).result(30) == 1


def test_a_cancelled_function_does_not_run(writer: Writer) -> None:
    gate = Gate(writer)
    future = writer.submit(lambda records: records.set_mark("a", "1"), durable=False)
    assert future.cancel()
    gate.open()
    assert writer.submit(lambda records: records.mark("a"), durable=False).result(30) is None


def test_closing_commits_what_was_submitted_and_refuses_more(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "r.sqlite")
    future = writer.submit(lambda records: records.set_mark("a", "1"), durable=False)
    writer.close()
    writer.close()
    assert future.done()
    with pytest.raises(UsageError, match="closed"):
        writer.submit(lambda records: None, durable=False)
    with Records.open(tmp_path / "r.sqlite") as records, records.transaction(durable=False):
        assert records.mark("a") == "1"


def test_what_cannot_be_opened_is_said_where_the_writer_is_made(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").mkdir()
    with pytest.raises(HomeUnusable, match=r"r\.sqlite"):
        Writer(tmp_path / "r.sqlite")
    assert "caesura-records" not in {thread.name for thread in threading.enumerate()}
