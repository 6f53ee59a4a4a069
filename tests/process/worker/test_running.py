"""A worker that runs cells: interrupts, input, output of every kind, requests, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from caesura.wire.messages import (
    Acked,
    Blocked,
    CellDone,
    Deliver,
    Exit,
    Loaded,
    Numbered,
    Output,
    Refused,
    WorkerExited,
    pack,
)
from process.worker.fake_coordinator import FakeCoordinator

pytestmark = pytest.mark.process


def test_a_session_is_loaded_and_reports_that_nothing_runs(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    assert link.wait_for(Loaded).epoch == 1
    block = link.wait_for(Blocked)
    assert (block.cell_id, block.waits, block.obstacles, block.wake) == ("", [], [], {"any": []})


def test_the_kernel_describes_itself_without_subshells_and_debugger(coordinator: FakeCoordinator) -> None:
    info = coordinator.ready.kernel_info
    assert info["implementation"] == "caesura"
    assert info["language_info"]["version"] == sys.version.split()[0]
    assert info["supported_features"] == []
    assert info["banner"]


def test_messages_are_numbered_without_a_gap(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    coordinator.run("print(1)")
    coordinator.run("2")
    numbers = [message.number for message in coordinator.link.messages if isinstance(message, Numbered)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_loop_is_interrupted(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start("print('on', flush=True)\nwhile True: pass")
    coordinator.link.wait_for(Output, parent_id=cell, msg_type="stream")
    coordinator.interrupt()
    assert coordinator.finish(cell).reply["ename"] == "KeyboardInterrupt"


def test_an_await_is_interrupted_at_once_and_shows_as_keyboard_interrupt(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start("import asyncio\nawait asyncio.sleep(1000)\nprint('not reached')")
    coordinator.blocked(cell)
    coordinator.interrupt()
    reply = coordinator.finish(cell)
    assert reply.errors == ["KeyboardInterrupt"]
    assert reply.reply["ename"] == "KeyboardInterrupt"
    assert reply.text == ""


def test_a_loop_after_an_await_is_interrupted(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start("import asyncio\nawait asyncio.sleep(0)\nprint('on', flush=True)\nwhile True: pass")
    coordinator.link.wait_for(Output, parent_id=cell, msg_type="stream")
    coordinator.interrupt()
    assert coordinator.finish(cell).reply["ename"] == "KeyboardInterrupt"


def test_a_sleeping_child_process_is_interrupted(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start("import subprocess\nprint('on', flush=True)\nsubprocess.run(['sleep', '1000'])")
    coordinator.link.wait_for(Output, parent_id=cell, msg_type="stream")
    coordinator.interrupt()
    assert coordinator.finish(cell).reply["ename"] == "KeyboardInterrupt"


def test_a_second_interrupt_ends_a_cell_that_catches_the_first(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start(
        "import asyncio\nwhile True:\n    try: await asyncio.sleep(1000)\n"
        "    except asyncio.CancelledError: print('caught', flush=True)"
    )
    coordinator.blocked(cell)
    coordinator.interrupt()
    coordinator.link.wait_for(Output, parent_id=cell, msg_type="stream")
    coordinator.blocked(cell)
    coordinator.interrupt()
    reply = coordinator.finish(cell)
    assert reply.reply["ename"] == "KeyboardInterrupt"
    assert reply.text == "caught\n"
    assert coordinator.run("1 + 1").value == "2"


@pytest.mark.parametrize("code", ["while True: pass", "import asyncio\nawait asyncio.sleep(1000)"])
def test_an_interrupt_right_behind_a_cell_is_meant_for_it(coordinator: FakeCoordinator, code: str) -> None:
    coordinator.attach()
    for _ in range(10):
        cell = coordinator.start(code)
        coordinator.interrupt()
        reply = coordinator.finish(cell)
        assert reply.reply["ename"] == "KeyboardInterrupt"
        assert "caesura" not in "".join(reply.reply["traceback"])
    assert coordinator.run("1 + 1").value == "2"


def test_an_interrupt_between_cells_changes_nothing(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    coordinator.link.wait_for(Blocked)
    coordinator.interrupt()
    assert coordinator.run("1 + 1").value == "2"


def test_all_that_is_written_arrives_once_and_before_the_reply(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    reply = coordinator.run(
        "import os, ctypes, subprocess\n"
        "print('a', end='')\n"
        "os.system('echo b')\n"
        "os.write(1, b'c')\n"
        "ctypes.CDLL(None).printf(b'd')\n"
        "subprocess.run(['echo', 'e'])\n"
        "!echo f\n"
        "print('g', end='')"
    )
    assert sorted(reply.text.split() and "".join(reply.text.split())) == list("abcdefg")
    assert reply.types[-2:] == ["execute_reply", "status"]


def test_what_threads_and_background_tasks_print_has_the_right_parent(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    first = coordinator.start(
        "import asyncio, threading\ngo = asyncio.Event()\n"
        "async def later():\n    await go.wait()\n    print('later')\n"
        "t = asyncio.create_task(later())\nawait asyncio.sleep(0)"
    )
    coordinator.finish(first)
    second = coordinator.run(
        "thread = threading.Thread(target=lambda: print('thread'))\nthread.start(); thread.join()\ngo.set(); await t"
    )
    assert second.text == "thread\n"
    assert coordinator.outputs(first).text == "later\n"


def test_input_asks_the_client_and_waits(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start("import asyncio\nawait asyncio.sleep(0)\ninput('name? ')", allow_stdin=True)
    asked = coordinator.link.wait_for(Output, channel="stdin")
    assert asked.buffers[0] == b"client"
    frames = [
        json.dumps(part).encode() for part in ({"msg_id": "i", "msg_type": "input_reply"}, {}, {}, {"value": "x"})
    ]
    coordinator.link.send(Deliver(channel="stdin", idents=1, msg_type="input_reply", buffers=(b"client", *frames)))
    assert coordinator.finish(cell).value == "'x'"


def test_input_is_interrupted(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start("input('name? ')", allow_stdin=True)
    coordinator.link.wait_for(Output, channel="stdin")
    coordinator.interrupt()
    assert coordinator.finish(cell).reply["ename"] == "KeyboardInterrupt"


def test_the_requests_of_a_client_are_answered(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    coordinator.run("value = [1, 2]")
    complete = coordinator.ask("complete_request", {"code": "val", "cursor_pos": 3})
    assert "value" in complete.contents("complete_reply")[0]["matches"]
    inspect = coordinator.ask("inspect_request", {"code": "value", "cursor_pos": 5, "detail_level": 0})
    assert inspect.contents("inspect_reply")[0]["found"]
    complete_ = coordinator.ask("is_complete_request", {"code": "for x in y:"})
    assert complete_.contents("is_complete_reply")[0] == {"status": "incomplete", "indent": "    "}
    history = coordinator.ask("history_request", {"hist_access_type": "tail", "n": 1, "output": False, "raw": True})
    assert [line for _, _, line in history.contents("history_reply")[0]["history"]] == ["value = [1, 2]"]
    comms = coordinator.ask("comm_info_request", {})
    assert comms.contents("comm_info_reply")[0] == {"status": "ok", "comms": {}}
    assert complete.types == ["status", "complete_reply", "status"]


def test_a_comm_message_reaches_a_cell_that_waits_for_it(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    cell = coordinator.start(
        "import asyncio\nfrom ipykernel.comm import Comm\nc = Comm(target_name='t', comm_id='c1')\n"
        "got = asyncio.get_running_loop().create_future()\n"
        "c.on_msg(lambda m: got.set_result(m['content']['data']))\nawait got"
    )
    coordinator.blocked(cell)
    coordinator.request("comm_msg", {"comm_id": "c1", "data": {"k": 1}})
    assert coordinator.finish(cell).value == "{'k': 1}"


def test_the_environment_is_the_one_that_was_asked_for(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    coordinator.attach(cwd=str(tmp_path))
    reply = coordinator.run(
        "import os, sys\nprint(os.environ['CAESURA_MARK'], os.getcwd(), '' in sys.path, sys.path[0] == os.getcwd())"
    )
    assert reply.text.split() == ["forked", str(tmp_path), "True", "False"]


def test_a_directory_that_is_gone_is_said_so_in_the_first_cell(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    coordinator.attach(cwd=str(tmp_path / "gone"), notice="The policy is unknown.\n")
    reply = coordinator.run("1")
    (told,) = (content["text"] for content in reply.contents("stream") if content["name"] == "stderr")
    assert "gone cannot be entered" in told
    assert "The policy is unknown." in told
    assert not coordinator.run("1").contents("stream")


def test_two_workers_draw_different_random_numbers(coordinator: FakeCoordinator) -> None:
    drawn = set()
    for _ in range(2):
        coordinator.attach()
        drawn.add(coordinator.run("import random; random.random()").value)
    assert len(drawn) == 2


def test_a_gentle_exit_runs_what_was_registered(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    link = coordinator.attach()
    coordinator.run(f"import atexit\natexit.register(lambda: open({str(mark)!r}, 'w').write('x'))")
    link.send(Exit(gently=True))
    link.wait_until_closed()
    assert coordinator.hear(WorkerExited, worker_id=coordinator.worker_id).status == 0
    assert mark.read_text() == "x"


def test_an_exit_that_is_not_gentle_runs_nothing(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    link = coordinator.attach()
    coordinator.run(f"import atexit\natexit.register(lambda: open({str(mark)!r}, 'w').write('x'))")
    link.send(Exit(gently=False))
    assert coordinator.hear(WorkerExited, worker_id=coordinator.worker_id).status == 0
    assert not mark.exists()


def test_exit_in_a_cell_ends_the_process_after_its_reply(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    reply = coordinator.run("exit()")
    assert [payload["source"] for payload in reply.reply["payload"]] == ["ask_exit"]
    assert coordinator.hear(WorkerExited, worker_id=coordinator.worker_id).status == 0
    link.wait_until_closed()


def test_the_zygote_reports_a_killed_worker(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    os.kill(coordinator.pid, signal.SIGKILL)
    assert coordinator.hear(WorkerExited, worker_id=coordinator.worker_id).status == -signal.SIGKILL


def test_after_a_lost_connection_nothing_is_missing_and_nothing_is_doubled(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    link.acks = False
    cell = coordinator.start("import asyncio\nprint('one', flush=True)\nawait asyncio.sleep(0.3)\nprint('two')")
    coordinator.blocked(cell)
    link.close()
    again = coordinator.accept()
    assert (again.hello.session_id, again.hello.epoch) == (coordinator.session_id, 1)
    again.wait_for(CellDone, cell_id=cell)
    numbered = [message for message in again.messages if isinstance(message, Numbered)]
    assert [message.number for message in numbered] == list(range(1, len(numbered) + 1))
    assert coordinator.outputs(cell).text == "one\ntwo\n"


def test_what_was_acknowledged_is_not_sent_again(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    link.acks = False
    cell = coordinator.start("import asyncio\nprint('one', flush=True)\nawait asyncio.sleep(0.3)\nprint('two')")
    coordinator.blocked(cell)
    last = max(message.number for message in link.messages if isinstance(message, Numbered))
    link.send(Acked(last=last))
    link.close()
    again = coordinator.accept()
    again.wait_for(CellDone, cell_id=cell)
    assert min(message.number for message in again.messages if isinstance(message, Numbered)) == last + 1


def test_a_worker_with_a_stale_epoch_ends_at_once(coordinator: FakeCoordinator) -> None:
    link = coordinator.attach()
    link.wait_for(Loaded)
    link.close()
    coordinator.server.settimeout(10)
    connection, _ = coordinator.server.accept()
    connection.sendall(b"".join(pack(Refused(reason="stale epoch"))))
    assert coordinator.hear(WorkerExited, worker_id=coordinator.worker_id).status == 0
    connection.close()


def test_ten_thousand_lines_are_few_messages(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    reply = coordinator.run("for i in range(10_000): print(i)")
    assert reply.text.splitlines() == [str(i) for i in range(10_000)]
    assert len(reply.contents("stream")) < 50


def test_children_of_a_fork_print_into_the_cell(coordinator: FakeCoordinator) -> None:
    coordinator.attach()
    reply = coordinator.run(
        "import os, warnings\nwarnings.simplefilter('ignore')\npid = os.fork()\n"
        "if pid == 0:\n    print('child', flush=True)\n    os._exit(0)\n_ = os.waitpid(pid, 0)\nprint('parent')"
    )
    assert sorted(reply.text.split()) == ["child", "parent"]
