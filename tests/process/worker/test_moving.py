"""A session leaves one worker and goes on in another."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from caesura.snapshot import dumps
from caesura.wire.messages import (
    Blocked,
    Call,
    CellDone,
    Frozen,
    Loaded,
    LoadFailed,
    NotSaved,
    Numbered,
    Output,
    Prepared,
    WorkerExited,
)
from process.worker.fake_coordinator import FakeCoordinator

pytestmark = pytest.mark.process

LONG = "import asyncio\nawait asyncio.sleep(1000)"


def moved(coordinator: FakeCoordinator, cell: str, **fields: object) -> None:
    """Take the cell out of its worker and into another."""
    manifest = coordinator.suspend(cell)
    coordinator.attach(manifest, cell={"cell_id": cell, "moves": 1}, **fields)


def test_a_cell_goes_on_where_it_was(coordinator: FakeCoordinator) -> None:
    first = coordinator.attach()
    coordinator.run("import asyncio\nitems = [1]\nsame = items")
    cell = coordinator.start(
        "import os\npid = os.getpid()\nprint('before', end='')\n"
        "for n in range(2):\n    items.append(n)\n"
        "    try:\n        await asyncio.sleep(0.5)\n    finally:\n        print(n)\n"
        "assert os.getpid() != pid\nlen(items), same is items"
    )
    moved(coordinator, cell)
    reply = coordinator.finish(cell, first)
    assert reply.text == "before0\n1\n"
    assert reply.value == "(3, True)"
    assert reply.reply["execution_count"] == 2
    assert reply.types.count("execute_input") == 1
    assert [content["execution_state"] for content in reply.contents("status")] == ["busy", "idle"]
    numbers = [m.number for link in (first, coordinator.link) for m in link.messages if isinstance(m, Numbered)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_cell_moves_at_each_of_its_awaits(coordinator: FakeCoordinator) -> None:
    links = [coordinator.attach(policy="always")]  # no timer ends a block before it is saved
    cell = coordinator.start("import asyncio\nfor n in range(3):\n    await asyncio.sleep(0.3)\n    print(n)\n'end'")
    for moves, policy in enumerate(("always", "always", "never"), 1):  # nobody saves it after the third
        manifest = coordinator.suspend(cell)
        links.append(coordinator.attach(manifest, cell={"cell_id": cell, "moves": moves}, policy=policy))
    reply = coordinator.finish(cell, *links[:-1])
    assert (reply.text, reply.value) == ("0\n1\n2\n", "'end'")


def test_a_refused_snapshot_lets_the_cell_go_on_in_place(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    cell = coordinator.start("import asyncio\nawait asyncio.sleep(0.5)\n'done'")
    block = coordinator.blocked(cell)
    coordinator.freeze(block.serial)
    prepared = link.wait_for(Prepared)
    assert (prepared.serial, prepared.epoch) == (block.serial, 1)
    assert prepared.last_number == link.wait_for(Frozen).last_number
    coordinator.verdict(block.serial, released=False)
    assert coordinator.finish(cell).value == "'done'"


def test_an_answer_that_comes_while_it_is_frozen_is_delivered_after_the_refusal(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    cell = coordinator.start("import caesura\nawait caesura.event('go')")
    call = link.wait_for(Call)
    block = coordinator.blocked(cell)
    coordinator.freeze(block.serial, abortable=False)
    link.wait_for(Prepared)
    coordinator.answer(call.op_id, dumps(7, namespace={}))
    coordinator.verdict(block.serial, released=False)
    assert coordinator.finish(cell).value == "7"


def test_a_freeze_of_a_block_that_is_over_is_declined(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    cell = coordinator.start("import asyncio\nawait asyncio.sleep(0.2)")
    block = coordinator.blocked(cell)
    coordinator.finish(cell)
    coordinator.freeze(block.serial)
    assert link.wait_for(NotSaved, serial=block.serial).aborted


def test_an_answer_is_replayed_at_its_time_and_beats_a_later_deadline(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    payload = dumps("in time", namespace={})
    cell = coordinator.start(
        "import asyncio, caesura\nasync with asyncio.timeout(1):\n    v = await caesura.event('go')\nv"
    )
    call = link.wait_for(Call)
    manifest = coordinator.suspend(cell)
    answered_at = time.time()
    while time.time() < answered_at + 1.2:  # the deadline passes while nobody has the cell
        link.thread.join(0.05)
    answer = {"op_id": call.op_id, "ok": True, "at": answered_at, "buffer": 0}
    coordinator.attach(manifest, cell={"cell_id": cell, "moves": 1}, answers=[answer], buffers=(payload,))
    assert coordinator.finish(cell).value == "'in time'"


def test_an_interrupt_of_a_suspended_cell_takes_effect_when_it_is_loaded(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start(LONG + "\nprint('not reached')")
    moved(coordinator, cell, interrupt=True)
    reply = coordinator.finish(cell)
    assert reply.errors == ["KeyboardInterrupt"]
    assert reply.text == ""
    assert coordinator.run("1 + 1").value == "2"


def test_a_cell_is_interrupted_after_a_move(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start(LONG)
    moved(coordinator, cell)
    coordinator.blocked(cell)
    coordinator.interrupt()
    reply = coordinator.finish(cell)
    assert reply.reply["ename"] == "KeyboardInterrupt"
    assert "caesura" not in "".join(reply.reply["traceback"])


def test_an_error_after_a_move_shows_the_source_lines_of_all_cells(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    coordinator.run("def fail():\n    raise ValueError('deep')  # marked")
    cell = coordinator.start("import asyncio\nawait asyncio.sleep(0.5)\nfail()  # calling")
    moved(coordinator, cell)
    shown = "".join(coordinator.finish(cell).reply["traceback"])
    assert "# marked" in shown
    assert "# calling" in shown
    assert "caesura" not in shown


def test_an_idle_session_is_parked_and_has_everything_afterwards(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    coordinator.run("import math\nx = 5\nclass K:\n    def f(self): return x\nk = K()")
    coordinator.run("x * 2")
    coordinator.run("get_ipython().ast_node_interactivity = 'all'\n%alias hi echo hi\nimport random; random.seed(4)")
    coordinator.link.wait_for(Blocked, cell_id="")
    manifest = _park(coordinator)
    coordinator.attach(manifest)
    assert coordinator.link.wait_for(Loaded).epoch == 2
    assert coordinator.run("k.f(), _, Out[2], In[1][:6], math.pi > 3, K.__module__, type(k) is K").value == (
        "(5, 10, 10, 'import', True, '__main__', True)"
    )
    assert len(coordinator.run("1\n2").contents("execute_result")) == 2
    assert coordinator.run("hi").text.strip() == "hi"
    assert coordinator.run("import random as r; r.random() == r.Random(4).random()").value == "True"
    assert coordinator.run("get_ipython().execution_count").value == "9"


def test_a_background_task_wakes_in_another_worker_and_prints_under_its_own_cell(coordinator: FakeCoordinator) -> None:
    first = coordinator.attach()
    cell = coordinator.start(
        "import asyncio\nasync def later():\n    await asyncio.sleep(0.5)\n    print('later', flush=True)\n"
        "t = asyncio.create_task(later())"
    )
    coordinator.finish(cell)
    manifest = _park(coordinator)
    second = coordinator.attach(manifest)
    second.wait_for(Output, msg_type="stream", parent_id=cell)
    assert coordinator.outputs(cell, (first,)).text == "later\n"


def test_what_was_written_before_the_await_is_there_once(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    log, held = tmp_path / "log", tmp_path / "held"
    first = coordinator.attach()
    cell = coordinator.start(
        "import asyncio, os, ctypes\n"
        f"with open({str(log)!r}, 'a') as f: f.write('line\\n')\n"
        f"g = open({str(held)!r}, 'w')\n"
        "g.write('first ')\n"
        "print('a', end='')\n!echo b\nctypes.CDLL(None).printf(b'c')\n"
        "await asyncio.sleep(0.5)\ng.write('second')\ng.close()\nprint('d')"
    )
    moved(coordinator, cell)
    reply = coordinator.finish(cell, first)
    assert log.read_text() == "line\n"
    assert held.read_text() == "first second"
    assert "".join(reply.text.split()) == "abcd"


def test_a_busy_thread_holds_the_cell_by_name(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    cell = coordinator.start(
        "import asyncio, threading\nstop = threading.Event()\n"
        "threading.Thread(target=stop.wait, name='my thread').start()\nawait asyncio.sleep(0.5)\nstop.set()"
    )
    block = coordinator.blocked(cell)
    assert any(obstacle["path"] == "my thread" for obstacle in block.obstacles)
    coordinator.freeze(block.serial)
    assert link.wait_for(NotSaved).obstacles
    assert coordinator.finish(cell).reply["status"] == "ok"


def test_what_cannot_be_saved_is_named_and_the_cell_goes_on(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    cell = coordinator.start(
        "import asyncio, sqlite3\ndatabase = sqlite3.connect(':memory:')\nawait asyncio.sleep(0.5)\n"
        "database.execute('select 5').fetchone()"
    )
    coordinator.freeze(coordinator.blocked(cell).serial)
    refused = link.wait_for(NotSaved)
    assert not refused.aborted
    assert "database" in str(refused.obstacles)
    assert coordinator.finish(cell).value == "(5,)"


def test_a_damaged_snapshot_is_refused_with_the_name_of_the_blob(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start(LONG)
    manifest = coordinator.suspend(cell)
    for tag, stream in coordinator.streams.items():
        coordinator.streams[tag] = _damaged(stream)
    link = coordinator.attach(manifest, cell={"cell_id": cell, "moves": 1})
    failed = link.wait_for(LoadFailed)
    assert failed.final
    assert failed.blob in failed.reason


def test_a_damaged_blob_is_refused_by_name(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    coordinator.run("data = bytes(range(256)) * 1000")
    cell = coordinator.start(LONG)
    manifest = coordinator.suspend(cell)
    for path in coordinator.home.blobs_path.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(_damaged(path.read_bytes()))
    link = coordinator.attach(manifest, cell={"cell_id": cell, "moves": 1})
    failed = link.wait_for(LoadFailed)
    assert failed.final
    assert failed.blob in failed.reason
    assert coordinator.hear(WorkerExited, worker_id=coordinator.worker_id).status == 1


def _damaged(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


def test_a_snapshot_that_waits_for_its_verdict_is_said_again_after_a_lost_connection(
    coordinator: FakeCoordinator,
) -> None:
    link = coordinator.attach()
    cell = coordinator.start("import asyncio\nawait asyncio.sleep(0.5)\n'done'")
    block = coordinator.blocked(cell)
    coordinator.freeze(block.serial)
    before = link.wait_for(Prepared)
    link.close()
    again = coordinator.accept()
    assert again.wait_for(Prepared).manifest == before.manifest
    coordinator.verdict(block.serial, released=False)
    assert coordinator.finish(cell).value == "'done'"


def test_a_block_is_said_again_after_a_lost_connection(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    cell = coordinator.start(LONG)
    block = coordinator.blocked(cell)
    link.close()
    assert coordinator.accept().wait_for(Blocked, cell_id=cell).serial == block.serial


def test_history_goes_on_in_one_session(coordinator: FakeCoordinator) -> None:
    coordinator.environment = {"argv": []}
    coordinator.attach()
    coordinator.run("first = 1")
    manifest = _park(coordinator)
    coordinator.attach(manifest)
    coordinator.run("second = 2")
    history = coordinator.ask(
        "history_request", {"hist_access_type": "tail", "n": 5, "output": False, "raw": True}
    ).contents("history_reply")[0]["history"]
    assert [(session, line) for session, line, _ in history] == [(history[0][0], 1), (history[0][0], 2)]


def _park(coordinator: FakeCoordinator) -> dict[str, object]:
    """Suspend the session between two cells."""

    def block_after_the_last_cell(messages: list[object]) -> Blocked | None:
        last = messages[-1] if messages else None
        blocks = [message for message in messages if isinstance(message, Blocked)]
        if blocks and blocks[-1].cell_id == "" and not isinstance(last, CellDone):
            return blocks[-1]
        return None

    coordinator.link.wait(block_after_the_last_cell, "the block between cells")
    return coordinator.suspend("")
