"""What the records promise: each thing once, the compare-and-set of a move, nothing lost over a reopening."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caesura.errors import InternalError
from caesura.model import AllOf, OnOp, is_satisfied, operations_of
from caesura.store.records import Records
from caesura.store.rows import (
    CellRow,
    DecisionRow,
    EventKind,
    EventRow,
    LedgerRow,
    MoveRow,
    OperationRow,
    SessionRow,
    SnapshotRow,
    WaitRow,
)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records.open(tmp_path / "records.sqlite") as records, records.transaction(durable=True):
        records.add_session(session("s"))
        yield records


def session(session_id: str, **changes: Any) -> SessionRow:
    row = SessionRow(id=session_id, kind="notebook", state="idle", created=1.0, updated=1.0)
    return dataclasses.replace(row, **changes)


def cell(cell_id: str, session_id: str = "s", **changes: Any) -> CellRow:
    row = CellRow(id=cell_id, session_id=session_id, state="queued", request=b"\x00\xff", created=2.0)
    return dataclasses.replace(row, **changes)


def operation(op_id: str, **changes: Any) -> OperationRow:
    row = OperationRow(id=op_id, session_id="s", cell_id="c", kind="function", key="f", created=3.0)
    return dataclasses.replace(row, **changes)


def snapshot(snapshot_id: str, **changes: Any) -> SnapshotRow:
    row = SnapshotRow(
        id=snapshot_id, session_id="s", cell_id="c", epoch=0, manifest={"format": 1}, created=4.0, blobs=["aa", "bb"]
    )
    return dataclasses.replace(row, **changes)


# --- sessions and cells ---------------------------------------------------------------------------------------------


def test_a_session_comes_back_as_it_was_recorded(records: Records) -> None:
    row = session(
        "t", connection={"key": "ü", "ports": [1, 2]}, environment={"env": {}}, parent_op="o", worker={"pid": 7}
    )
    records.add_session(row)
    assert records.session("t") == row
    assert records.session("unknown") is None


def test_a_session_id_is_taken_once(records: Records) -> None:
    with pytest.raises(sqlite3.IntegrityError), records.savepoint():
        records.add_session(session("s"))


def test_only_what_is_given_changes(records: Records) -> None:
    before = records.session("s")
    assert before is not None
    assert records.update_session("s", 9.0, state="busy", worker={"pid": 1})
    assert records.session("s") == dataclasses.replace(before, state="busy", worker={"pid": 1}, updated=9.0)
    assert not records.update_session("unknown", 9.0, state="busy")


def test_sessions_are_found_by_their_state(records: Records) -> None:
    records.add_session(session("t", state="busy", created=0.5))
    assert [row.id for row in records.sessions()] == ["t", "s"]
    assert [row.id for row in records.sessions(["idle", "gone"])] == ["s"]
    assert records.sessions([]) == []


def test_an_epoch_is_granted_once(records: Records) -> None:
    assert records.grant_epoch("s", 0, 5.0) == 1
    assert records.grant_epoch("s", 0, 5.0) is None
    assert records.grant_epoch("s", 1, 5.0) == 2
    assert records.grant_epoch("unknown", 0, 5.0) is None


def test_a_numbered_message_is_accepted_once_and_in_order(records: Records) -> None:
    assert [records.accept_number("s", number) for number in (1, 2, 1, 2, 3)] == [True, True, False, False, True]
    with pytest.raises(InternalError, match="5 before 4"):
        records.accept_number("s", 5)
    with pytest.raises(InternalError, match="not recorded"):
        records.accept_number("unknown", 1)


def test_cells_are_numbered_per_session_and_their_ids_belong_to_it(records: Records) -> None:
    records.add_session(session("t"))
    placed = [records.add_cell(cell(*key)) for key in (("a", "s"), ("b", "s"), ("a", "t"))]
    assert [row.seq for row in placed if row is not None] == [1, 2, 1]
    assert records.cell("s", "b") == placed[1]
    assert records.add_cell(cell("a")) is None


def test_the_state_of_a_cell_its_moves_and_its_end_are_recorded(records: Records) -> None:
    records.add_cell(cell("a"))
    assert records.update_cell("s", "a", state="released", waits=[{"key": "f"}], add_moves=1)
    assert records.update_cell("s", "a", state="done", ended=8.0, status="ok", add_moves=1)
    found = records.cell("s", "a")
    assert found is not None
    assert (found.state, found.moves, found.waits, found.ended, found.status, found.request) == (
        "done",
        2,
        [{"key": "f"}],
        8.0,
        "ok",
        b"\x00\xff",
    )
    assert not records.update_cell("s", "unknown", state="done")


def test_cells_are_found_by_state_and_by_the_start_of_their_id(records: Records) -> None:
    for number, name in enumerate(["ab%1", "ab_2", "cd"]):
        records.add_cell(cell(name, created=float(number), state="queued" if number else "done"))
    assert [row.id for row in records.cells("s")] == ["ab%1", "ab_2", "cd"]
    assert [row.id for row in records.cells(states=["queued"])] == ["ab_2", "cd"]
    assert [row.id for row in records.find_cells("ab")] == ["ab_2", "ab%1"]
    assert [row.id for row in records.find_cells("ab%")] == ["ab%1"]


def test_a_dropped_session_takes_everything_along_but_the_history(records: Records) -> None:
    records.add_cell(cell("c"))
    records.add_operation(operation("o"))
    records.add_snapshot(snapshot("n"))
    records.add_output("s", "iopub", b"x")
    records.add_event("s", EventKind.CANCEL, 5.0)
    records.add_wait(WaitRow(key="f", kind="function", duration_s=1.0, at=1.0))
    assert records.drop_session("s")
    assert not records.drop_session("s")
    assert not any((records.cells(), records.operations(), records.snapshots(), records.outputs("s")))
    assert records.live_blobs() == set()
    assert len(records.recent_waits()) == 1


# --- outputs --------------------------------------------------------------------------------------------------------


def test_outputs_keep_their_order_until_they_are_sent_and_dropped(records: Records) -> None:
    assert [records.add_output("s", "iopub", bytes([n])) for n in range(4)] == [1, 2, 3, 4]
    assert records.mark_sent("s", 3) == 3
    assert records.mark_sent("s", 3) == 0
    assert [row.n for row in records.outputs("s", unsent_only=True)] == [4]
    assert [(row.n, row.frames) for row in records.outputs("s", after=2)] == [(3, b"\x02"), (4, b"\x03")]
    assert records.drop_outputs("s", 2) == 2
    assert [row.n for row in records.outputs("s")] == [3, 4]


def test_the_numbers_of_outputs_are_never_used_again(records: Records) -> None:
    records.add_output("s", "iopub", b"a")
    records.add_output("s", "iopub", b"b")
    records.mark_sent("s", 2)
    records.drop_outputs("s", 2)
    assert records.add_output("s", "iopub", b"c") == 3


def add_kept(records: Records, cell_id: str, *frames: bytes, at: float = 1.0, is_sent: bool = True) -> None:
    for each in frames:
        n = records.add_output("s", "iopub", each, cell_id=cell_id, at=at, kept=True)
        if is_sent:
            records.mark_sent("s", n)


def kept(records: Records, after: int = 0) -> list[tuple[int, str, Any]]:
    """What is kept: its number, cell, and content (of a notice what it says)."""
    rows, is_more = records.kept_outputs("s", after=after, most_bytes=10**9)
    assert not is_more
    return [(r.n, r.cell_id, json.loads(r.frames) if r.channel == "notice" else r.frames) for r in rows]


def test_kept_outputs_stay_after_they_were_sent_until_they_are_confirmed(records: Records) -> None:
    add_kept(records, "a", b"1", b"2")
    records.add_output("s", "shell", b"reply")
    add_kept(records, "b", b"44")
    records.mark_sent("s", 4)
    records.drop_outputs("s", 4)
    assert kept(records) == [(1, "a", b"1"), (2, "a", b"2"), (4, "b", b"44")]
    assert records.kept_totals("s") == (3, 4, 4)
    assert kept(records, after=2) == [(4, "b", b"44")]
    assert records.confirm_outputs("s", 2) == 2
    assert kept(records) == [(4, "b", b"44")]
    assert records.confirm_outputs("s", 4) == 0
    assert kept(records) == []
    assert records.add_output("s", "iopub", b"x") == 5


def test_kept_outputs_are_read_in_parts(records: Records) -> None:
    add_kept(records, "a", b"11", b"22", b"33")
    rows, is_more = records.kept_outputs("s", after=0, most_bytes=4)
    assert ([row.n for row in rows], is_more) == ([1, 2], True)
    rows, is_more = records.kept_outputs("s", after=2, most_bytes=1)
    assert ([row.n for row in rows], is_more) == ([3], False)


def test_beyond_the_quota_the_oldest_go_and_their_cell_says_so(records: Records) -> None:
    add_kept(records, "a", b"x" * 10, b"x" * 10)
    add_kept(records, "b", b"x" * 10, b"y" * 10)
    assert records.trim_outputs("s", 15, 2.0, also_unsent=False) == 10
    in_a = {"count": 2, "bytes": 20, "reason": "quota"}
    assert kept(records) == [(2, "a", in_a), (3, "b", {**in_a, "count": 1, "bytes": 10}), (4, "b", b"y" * 10)]
    add_kept(records, "b", b"z" * 10)
    assert records.trim_outputs("s", 10, 3.0, also_unsent=False) == 10
    assert kept(records) == [(2, "a", in_a), (4, "b", in_a), (5, "b", b"z" * 10)]


def test_one_output_that_is_larger_than_the_quota_goes_too_and_the_numbers_go_on(records: Records) -> None:
    add_kept(records, "a", b"x" * 100)
    assert records.trim_outputs("s", 50, 2.0, also_unsent=False) == 0
    assert kept(records) == [(1, "a", {"count": 1, "bytes": 100, "reason": "quota"})]
    assert records.add_output("s", "iopub", b"x") == 2


def test_what_was_not_sent_yet_goes_only_when_nobody_is_there_to_get_it(records: Records) -> None:
    add_kept(records, "a", b"x" * 10, is_sent=False)
    assert records.trim_outputs("s", 5, 2.0, also_unsent=False) == 10
    assert kept(records) == [(1, "a", b"x" * 10)]
    assert records.trim_outputs("s", 5, 2.0, also_unsent=True) == 0
    assert [row.n for row in records.outputs("s", unsent_only=True)] == []


def test_old_outputs_go_by_age_and_later_their_notice(records: Records) -> None:
    add_kept(records, "a", b"1", b"2", at=10.0)
    add_kept(records, "a", b"3", at=20.0)
    assert records.age_outputs(15.0, 30.0) == 2
    told = {"count": 2, "bytes": 2, "reason": "age"}
    assert kept(records) == [(2, "a", told), (3, "a", b"3")]
    assert records.age_outputs(15.0, 31.0) == 0
    assert records.age_outputs(31.0, 50.0) == 1
    assert [(n, cell) for n, cell, _ in kept(records)] == [(3, "a")]
    records.age_outputs(51.0, 60.0)
    assert kept(records) == []


# --- operations -----------------------------------------------------------------------------------------------------


def test_an_answer_is_recorded_once(records: Records) -> None:
    assert records.add_operation(operation("o"))
    assert not records.add_operation(operation("o", key="again"))
    assert records.record_answer("o", True, b"first", 5.0)
    assert not records.record_answer("o", False, b"second", 6.0)
    assert not records.record_answer("unknown", True, b"", 6.0)
    found = records.operation("o")
    assert found == operation("o", state="answered", ok=True, result=b"first", answered_at=5.0)


def test_an_answer_is_consumed_once_and_until_then_kept_in_the_order_of_coming(records: Records) -> None:
    for name, at in (("late", 9.0), ("early", 5.0)):
        records.add_operation(operation(name))
        records.record_answer(name, True, b"", at)
    records.add_operation(operation("pending"))
    assert [row.id for row in records.unconsumed_answers("s")] == ["early", "late"]
    assert records.consume_answers("other", ["early"]) == []
    assert sorted(records.consume_answers("s", ["early", "pending"])) == ["early"]
    assert records.consume_answers("s", ["early"]) == []
    assert [row.id for row in records.unconsumed_answers("s")] == ["late"]


def test_what_is_uncertain_counts_as_an_answer_that_failed(records: Records) -> None:
    records.add_operation(operation("o"))
    assert records.record_answer("o", False, None, 5.0, text="its worker died", uncertain=True)
    assert records.answers(["o", "unknown"]) == {"o": False}
    assert [(row.state, row.text) for row in records.unconsumed_answers("s")] == [("uncertain", "its worker died")]


def test_the_answers_tell_whether_a_wake_condition_holds(records: Records) -> None:
    wake = AllOf((OnOp("a"), OnOp("b")))
    for name in ("a", "b"):
        records.add_operation(operation(name))
    records.record_answer("a", True, b"", 5.0)
    assert not is_satisfied(wake, records.answers(list(operations_of(wake))), 6.0)
    records.record_answer("b", True, b"", 6.0)
    assert is_satisfied(wake, records.answers(list(operations_of(wake))), 6.0)


def test_a_cancelled_operation_takes_no_answer_and_delivers_none(records: Records) -> None:
    records.add_operation(operation("o"))
    assert records.cancel_operation("o", 4.0)
    assert not records.cancel_operation("o", 4.0)
    assert not records.record_answer("o", True, b"", 5.0)
    assert records.unconsumed_answers("s") == []


def test_the_next_timer_is_the_earliest_pending_one(records: Records) -> None:
    assert records.next_due() is None
    for name, due in (("a", 30.0), ("b", 20.0), ("c", None)):
        records.add_operation(operation(name, due=due))
    assert records.next_due() == 20.0
    records.record_answer("b", True, b"", 20.0)
    assert records.next_due() == 30.0


def test_operations_are_found_by_what_they_are(records: Records) -> None:
    records.add_operation(operation("a", kind="event", options={"schema": {}}, created=1.0))
    records.add_operation(operation("b", cell_id="d", created=2.0))
    records.cancel_operation("b", 3.0)
    assert [row.id for row in records.operations("s")] == ["a", "b"]
    assert [row.id for row in records.operations(kind="event")] == ["a"]
    assert [row.id for row in records.operations(cell_id="d", states=["cancelled"])] == ["b"]


# --- events ---------------------------------------------------------------------------------------------------------


def test_events_take_effect_by_precedence_and_once(records: Records) -> None:
    ids = {kind: records.add_event("s", kind, 5.0) for kind in ("interrupt", "cancel", "shutdown")}
    assert [event.kind for event in records.open_events("s")] == ["shutdown", "cancel", "interrupt"]
    assert records.consume_event(ids["shutdown"])
    assert not records.consume_event(ids["shutdown"])
    assert [event.kind for event in records.open_events("s")] == ["cancel", "interrupt"]
    assert isinstance(records.open_events("s")[0], EventRow)
    with pytest.raises(ValueError, match="explosion"):
        records.add_event("s", "explosion", 5.0)


# --- the compare-and-set of a move ----------------------------------------------------------------------------------


def test_a_commit_raises_the_epoch_and_the_session_lives_in_the_snapshot(records: Records) -> None:
    records.add_snapshot(snapshot("n"))
    assert records.commit_snapshot("s", "n", 0, 7.0)
    after = records.session("s")
    assert after is not None
    assert (after.epoch, after.snapshot_id, after.updated) == (1, "n", 7.0)
    found = records.snapshot("n")
    assert found is not None
    assert found.state == "committed"


@pytest.mark.parametrize(
    "hindrance",
    ["stale epoch", "snapshot of another epoch", "passed", "event", "outputs missing", "no snapshot", "done before"],
)
def test_a_commit_changes_nothing_when_something_came_first(records: Records, hindrance: str) -> None:
    records.add_snapshot(snapshot("n", epoch=3 if hindrance == "snapshot of another epoch" else 0))
    epoch, last_number, snapshot_id = 0, 0, "n"
    match hindrance:
        case "stale epoch":
            records.grant_epoch("s", 0, 5.0)
        case "passed":
            assert records.pass_snapshot("n")
        case "event":
            records.add_event("s", EventKind.INTERRUPT, 5.0)
        case "outputs missing":
            records.accept_number("s", 1)
            last_number = 2
        case "no snapshot":
            snapshot_id = "unknown"
        case "done before":
            assert records.commit_snapshot("s", "n", 0, 6.0)
    before = (records.session("s"), records.snapshot("n"))
    assert not records.commit_snapshot("s", snapshot_id, epoch, 7.0, last_number=last_number)
    assert (records.session("s"), records.snapshot("n")) == before


def test_a_commit_waits_only_for_open_events(records: Records) -> None:
    records.add_snapshot(snapshot("n"))
    records.consume_event(records.add_event("s", EventKind.INTERRUPT, 5.0))
    assert records.commit_snapshot("s", "n", 0, 7.0)


def test_a_dead_workers_snapshot_is_committed_over_events(records: Records) -> None:
    records.add_snapshot(snapshot("n"))
    records.add_event("s", EventKind.INTERRUPT, 5.0)
    assert records.commit_snapshot("s", "n", 0, 7.0, over_events=True)


def test_a_snapshot_is_consumed_once_and_can_be_taken_up_again_by_hand(records: Records) -> None:
    records.add_snapshot(snapshot("n"))
    assert not records.consume_snapshot("s", "n", 8.0)
    records.commit_snapshot("s", "n", 0, 7.0)
    assert records.consume_snapshot("s", "n", 8.0)
    assert not records.consume_snapshot("s", "n", 8.0)
    after = records.session("s")
    assert after is not None
    assert after.snapshot_id is None
    assert records.reinstate_snapshot("s", "n", 9.0)
    assert not records.reinstate_snapshot("s", "n", 9.0)
    assert records.consume_snapshot("s", "n", 10.0)


def test_a_passed_snapshot_stays_passed(records: Records) -> None:
    records.add_snapshot(snapshot("n"))
    assert records.pass_snapshot("n")
    assert not records.pass_snapshot("n")
    assert [row.id for row in records.snapshots("s", ["passed"])] == ["n"]


def test_failed_loads_are_counted_and_the_snapshot_is_kept(records: Records) -> None:
    records.add_snapshot(snapshot("n"))
    assert [records.count_failure("n") for _ in range(3)] == [1, 2, 3]
    assert records.count_failure("unknown") == 0
    assert records.fail_snapshot("n")
    assert records.live_blobs() == {"aa", "bb"}


def test_dropping_snapshots_keeps_the_one_that_the_session_lives_in(records: Records) -> None:
    for name in ("old", "kept", "home"):
        records.add_snapshot(snapshot(name, blobs=[name]))
    records.commit_snapshot("s", "home", 0, 7.0)
    assert records.drop_snapshots("s", keep=["kept"]) == 1
    assert records.live_blobs() == {"kept", "home"}


def test_old_snapshots_that_no_session_lives_in_can_be_forgotten(records: Records) -> None:
    for name in ("prepared", "passed", "second", "home", "young"):
        records.add_snapshot(snapshot(name, blobs=[name], created=9.0 if name == "young" else 1.0))
    for name in ("passed", "second", "young"):
        records.pass_snapshot(name)
    records.commit_snapshot("s", "home", 0, 7.0)
    assert records.snapshot_totals() == (5 * snapshot("x").size_bytes, 5)
    assert records.drop_unneeded_snapshots(5.0, 1) == 1
    assert records.live_blobs() == {"prepared", "second", "home", "young"}
    assert records.drop_unneeded_snapshots(5.0) == 1
    assert records.live_blobs() == {"prepared", "home", "young"}


# --- moves and the journal ------------------------------------------------------------------------------------------


def test_a_move_is_finished_when_the_session_is_back(records: Records) -> None:
    row = MoveRow(
        session_id="s",
        cell_id="c",
        epoch=0,
        from_pid=10,
        suspended_at=5.0,
        waited_for=[{"label": "fetch"}],
        size_bytes=9,
    )
    move_id = records.add_move(row)
    assert records.finish_move("s", 20, 8.0, 0.25)
    assert not records.finish_move("s", 30, 9.0, 0.25)
    assert records.moves("s", "c") == [dataclasses.replace(row, id=move_id, to_pid=20, resumed_at=8.0, load_s=0.25)]
    assert records.moves("s", "d") == []


def test_a_decision_is_recorded_with_its_reason_and_settled_later(records: Records) -> None:
    row = DecisionRow(
        at=5.0,
        session_id="s",
        cell_id="c",
        key="f",
        kind="function",
        policy="mean:1",
        action="suspend",
        reason="f has taken 3 s on average",
        predicted_mean=3.0,
        threshold_s=1.0,
    )
    decision_id = records.add_decision(row)
    assert records.settle_decision(decision_id, 2.9)
    assert not records.settle_decision(decision_id + 1, 2.9)
    assert records.decisions("s", "c") == [dataclasses.replace(row, id=decision_id, actual_s=2.9)]


def test_the_last_waits_of_every_call_come_back_oldest_first(records: Records) -> None:
    for n in range(5):
        records.add_wait(WaitRow(key="f", kind="function", duration_s=float(n), at=float(n)))
    records.add_wait(WaitRow(key="g", kind="event", duration_s=9.0, at=9.0, censored=True))
    assert [(row.key, row.duration_s, row.censored) for row in records.recent_waits(2)] == [
        ("f", 3.0, False),
        ("f", 4.0, False),
        ("g", 9.0, True),
    ]
    assert records.forget_old_waits(2) == 3
    assert len(records.recent_waits()) == 3
    assert records.forget_old_waits(in_all=1) == 2
    assert [row.key for row in records.recent_waits()] == ["g"]


def test_the_waits_of_one_call_or_of_all_are_forgotten(records: Records) -> None:
    for key in ("f", "f", "g"):
        records.add_wait(WaitRow(key=key, kind="function", duration_s=1.0, at=1.0))
    assert records.forget_waits("f") == 2
    assert [row.key for row in records.recent_waits()] == ["g"]
    assert records.forget_waits() == 1


def entry(**values: Any) -> LedgerRow:
    costs = dict.fromkeys(("never_s", "always_s", "fixed_s", "break_even_s", "mean_s", "clairvoyant_s"), 1.0)
    usual = {"at": 1e9, "cell_id": "c", "key": "f", "kind": "function", "policy": "auto", "wait_s": 3.0, "held_s": 1.0}
    return LedgerRow(**{**usual, "moved": False, "cost_s": 2.0, **costs, **values})


def test_the_ledger_is_added_up_by_day_and_call(records: Records) -> None:
    records.add_to_ledger(entry(moved=True, freed_s=2.0, memory_bytes=10, predicted_p10=2.0, predicted_p90=4.0))
    records.add_to_ledger(entry(moved=True, freed_s=1.0, memory_bytes=30, predicted_p10=4.0, predicted_p90=5.0))
    records.add_to_ledger(entry(key="g"))
    records.add_to_ledger(entry(at=1e9 + 3 * 86_400))
    first, other, later = records.savings()
    assert (first.key, first.waits, first.moved, first.freed_s, first.freed_byte_s) == ("f", 2, 2, 3.0, 50.0)
    assert (first.predicted, first.inside, first.cost_s, first.never_s) == (2, 1, 4.0, 2.0)
    assert (other.key, other.waits, other.moved, other.predicted) == ("g", 1, 0, 0)
    assert first.day == other.day < later.day
    assert [row.day for row in records.savings(1e9 + 1)] == [later.day]


def test_the_ledger_is_bounded_by_age_and_number(records: Records) -> None:
    for at in (1.0, 2.0, 3.0, 4.0):
        records.add_to_ledger(entry(at=at))
    assert records.forget_old_ledger(2.0) == 1
    assert records.forget_old_ledger(0.0, in_all=2) == 1
    assert sum(row.waits for row in records.savings()) == 2


def test_decisions_are_counted_by_call_and_action(records: Records) -> None:
    for action in ("hold", "hold", "suspend"):
        row = DecisionRow(
            at=1.0, session_id="s", cell_id="c", key="f", kind="k", policy="auto", action=action, reason=""
        )
        records.add_decision(row)
    assert records.decided() == {"f": {"hold": 2, "suspend": 1}}


def test_a_mark_is_replaced(records: Records) -> None:
    assert records.mark("a") is None
    records.set_mark("a", "1")
    records.set_mark("a", "2")
    assert records.mark("a") == "2"
