"""A session that is a remote function."""

from __future__ import annotations

from typing import Any

import pytest

from caesura.snapshot import dumps, loads
from caesura.wire.messages import Call, CancelCall, FunctionDone, Output
from process.worker.fake_coordinator import FakeCoordinator

pytestmark = pytest.mark.process

PARENT = {"msg_id": "the-cell", "msg_type": "execute_request", "date": "2026-11-24T10:00:00.000000Z"}


def payload_of(coordinator: FakeCoordinator, definition: str, call: str) -> bytes:
    """What a notebook sends for a call: taken from one that makes it."""
    link = coordinator.attach()
    cell = coordinator.start(f"import asyncio, caesura\n{definition}\nc = {call}\nawait c")
    made = link.wait_for(Call)
    assert (made.kind, made.cell_id, made.parent["msg_id"]) == ("function", cell, cell)
    return bytes(made.buffers[0])


def begin(coordinator: FakeCoordinator, payload: bytes) -> Any:
    described = {"cell_id": "f1", "moves": 0, "parent": PARENT}
    coordinator.session_id, coordinator.next_number = "a-function", 1
    return coordinator.attach(kind="function", cell=described, buffers=(payload,))


def result_of(coordinator: FakeCoordinator) -> tuple[bool, Any]:
    done = coordinator.link.wait_for(FunctionDone)
    return done.ok, loads(bytes(done.buffers[0]), namespace={})


def test_a_function_gives_its_result_and_prints_into_the_cell_that_called_it(coordinator: FakeCoordinator) -> None:
    definition = "factor = 3\n@caesura.remote\ndef times(n):\n    print('in', n)\n    return n * factor"
    begin(coordinator, payload_of(coordinator, definition, "times(14)"))
    assert result_of(coordinator) == (True, 42)
    assert coordinator.link.wait_for(Output, msg_type="stream").parent_id == "the-cell"


def test_a_function_gives_its_exception_with_the_traceback_of_its_own_code(coordinator: FakeCoordinator) -> None:
    begin(coordinator, payload_of(coordinator, "@caesura.remote\ndef bad():\n    raise KeyError('k')", "bad()"))
    is_ok, error = result_of(coordinator)
    assert (is_ok, type(error), error.args) == (False, KeyError, ("k",))


def test_a_function_that_waits_is_moved(coordinator: FakeCoordinator) -> None:
    definition = (
        "@caesura.remote\nasync def slow(n):\n    print('begin')\n    await asyncio.sleep(0.5)\n"
        "    print('end')\n    return n + 1"
    )
    first = begin(coordinator, payload_of(coordinator, definition, "slow(1)"))
    manifest = coordinator.suspend("f1")
    coordinator.attach(manifest, kind="function", cell={"cell_id": "f1", "moves": 1, "parent": PARENT})
    assert result_of(coordinator) == (True, 2)
    assert coordinator.outputs("the-cell", (first,)).text == "begin\nend\n"


def test_a_function_that_calls_another_gets_its_answer_after_a_move(coordinator: FakeCoordinator) -> None:
    definition = "@caesura.remote\ndef inner(): return 5\n@caesura.remote\nasync def outer(): return await inner() + 1"
    first = begin(coordinator, payload_of(coordinator, definition, "outer()"))
    call = first.wait_for(Call)
    manifest = coordinator.suspend("f1")
    answer = {"op_id": call.op_id, "ok": True, "at": 0.0, "buffer": 0}
    coordinator.attach(
        manifest,
        kind="function",
        cell={"cell_id": "f1", "moves": 1, "parent": PARENT},
        answers=[answer],
        buffers=(dumps(5, namespace={}),),
    )
    assert result_of(coordinator) == (True, 6)


def test_a_cell_knows_where_it_runs(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start(
        "import asyncio, caesura\nawait asyncio.sleep(0.5)\nc = caesura.current()\n(c.moves, c.epoch)"
    )
    manifest = coordinator.suspend(cell)
    coordinator.attach(manifest, cell={"cell_id": cell, "moves": 1})
    assert coordinator.finish(cell).value == "(1, 2)"


def test_a_cancelled_call_is_given_up(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    coordinator.run("import caesura\nc = caesura.event('go')\nc.cancel()")
    assert link.wait_for(CancelCall).op_id == link.wait_for(Call).op_id
