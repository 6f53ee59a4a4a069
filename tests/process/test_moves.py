"""A waiting cell leaves its worker and comes back."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, is_alive, until

pytestmark = pytest.mark.process

SETUP = """
import asyncio, os, random, caesura

@caesura.remote
def slow(value, seconds=0.3):
    import time
    time.sleep(seconds)
    return value * 2

@caesura.remote
async def outer(value):
    return await slow(value) + 1
"""


@pytest.fixture
def always(make_home: Callable[..., Home]) -> Home:
    return make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")


def test_a_cell_goes_on_in_another_process_in_the_middle_of_a_loop_in_a_function(always: Home) -> None:
    notebook = always.notebook()
    notebook.run(SETUP)
    cell = notebook.submit(
        "async def work():\n"
        "    pids, total = [], 0\n"
        "    for i in range(3):\n"
        "        total += await slow(i)\n"
        "        pids.append(os.getpid())\n"
        "    return total, pids\n"
        "first = os.getpid()\n"
        "total, pids = await work()\n"
        "print(total, len({first, *pids}))\n"
        "caesura.current().moves"
    )
    result = notebook.wait(cell)
    assert result.error is None
    assert result.text == "6 4\n"
    assert result.value == "3"
    moves = notebook.moves(cell)
    assert len(moves) == 3
    assert all(move["from_pid"] != move["to_pid"] for move in moves)


def test_the_worker_process_is_gone_while_its_cell_is_suspended(always: Home) -> None:
    notebook = always.notebook()
    pid = int(notebook.run("import os, caesura; os.getpid()").value or 0)
    cell = notebook.submit("answer = await caesura.event('go')\nprint(answer, os.getpid())")
    notebook.wait_for_state(cell, "released")
    until(lambda: not is_alive(pid), "the worker is gone")
    sent = always.command("events", "send", "go", "--json", "[1, 2]")
    assert sent.returncode == 0, sent.stderr
    result = notebook.wait(cell)
    assert re.fullmatch(r"\[1, 2\] (\d+)\n", result.text)
    assert str(pid) not in result.text


def test_nothing_is_lost_or_doubled_around_an_await(always: Home, tmp_path: Path) -> None:
    notebook = always.notebook(cwd=tmp_path)
    notebook.run(SETUP)
    result = notebook.run(
        "with open('appended.txt', 'a') as once:\n"
        "    _ = once.write('line\\n')\n"
        "unflushed = open('unflushed.txt', 'w')\n"
        "_ = unflushed.write('before ')\n"
        "before = random.random()\n"
        "state = random.getstate()\n"
        "print('start', end=' ')\n"
        "!echo echoed\n"
        "os.write(1, b'descriptor ')\n"
        "print('no newline', end='')\n"
        "await slow(1)\n"
        "_ = unflushed.write('after'); unflushed.close()\n"
        "print('|', before == before, random.getstate() == state)\n"
        "print(open('unflushed.txt').read(), before)\n"
    )
    assert result.error is None
    assert (tmp_path / "appended.txt").read_text() == "line\n"
    assert (tmp_path / "unflushed.txt").read_text() == "before after"
    text = result.text.replace("\r\n", "\n")
    assert text.startswith("start ")
    assert text.count("echoed") == 1
    assert text.count("descriptor") == 1
    assert text.count("no newline") == 1
    assert "| True True\nbefore after 0." in text


@pytest.mark.parametrize("policy", ["always", "never"])
def test_nested_remote_functions_finish_on_a_pool_of_one(make_home: Callable[..., Home], policy: str) -> None:
    home = make_home(CAESURA_WORKERS="1", CAESURA_POLICY=policy)
    notebook = home.notebook()
    notebook.run(SETUP)
    cell = notebook.submit("print(await outer(20))")
    assert notebook.wait(cell).text == "41\n"
    assert bool(notebook.moves(cell)) == (policy == "always")


def test_prints_of_a_remote_function_appear_in_the_calling_cell(always: Home) -> None:
    notebook = always.notebook()
    result = notebook.run(
        "import caesura, sys\n"
        "@caesura.remote\n"
        "def talk(n):\n"
        "    print('from the function', n)\n"
        "    print('to stderr', file=sys.stderr)\n"
        "    return n\n"
        "print(await talk(3))"
    )
    assert sorted(result.text.splitlines()) == ["3", "from the function 3"]
    assert "to stderr" in result.stream("stderr")


def test_an_exception_of_a_remote_function_comes_back_with_its_type_and_traceback(always: Home) -> None:
    notebook = always.notebook()
    result = notebook.run(
        "import caesura\n"
        "class Odd(ValueError):\n"
        "    pass\n"
        "@caesura.remote\n"
        "def fails(n):\n"
        "    raise Odd('number', n)\n"
        "try:\n"
        "    await fails(3)\n"
        "except Odd as error:\n"
        "    print('caught', error.args)\n"
        "await fails(4)"
    )
    assert result.text == "caught ('number', 3)\n"
    assert result.error is not None
    assert result.error["ename"] == "Odd"
    assert "raise Odd" in "".join(result.error["traceback"]) or "fails" in "".join(result.error["traceback"])


def test_gather_timeout_and_background_tasks_move_together(always: Home) -> None:
    notebook = always.notebook()
    notebook.run(SETUP)
    result = notebook.run(
        "ticks = []\n"
        "async def background():\n"
        "    while True:\n"
        "        await asyncio.sleep(0.2)\n"
        "        ticks.append(os.getpid())\n"
        "task = asyncio.create_task(background())\n"
        "async with asyncio.timeout(30):\n"
        "    values = await asyncio.gather(slow(1), slow(2, 0.6), asyncio.sleep(0.1, 'slept'))\n"
        "try:\n"
        "    await asyncio.wait_for(caesura.event('never'), 0.3)\n"
        "except TimeoutError:\n"
        "    print('timed out')\n"
        "print(values, len(ticks) > 0, task.done())\n"
        "task.cancel();"
    )
    assert result.error is None
    assert result.text == "timed out\n[2, 4, 'slept'] True False\n"


def test_a_variable_of_the_first_cell_is_there_after_a_move_of_the_second(always: Home) -> None:
    notebook = always.notebook()
    notebook.run(SETUP + "\nclass Box:\n    pass\nbox = Box(); box.me = box; alias = box")
    notebook.run("await slow(1)")
    result = notebook.run("print(isinstance(box, Box), box.me is alias, _ih[-2:], await slow(2), _oh)")
    assert result.error is None
    assert result.text.startswith("True True ['await slow(1)', ")
    assert result.text.endswith("{2: 2}\n") or "2: 2" in result.text


def test_killing_the_worker_after_its_suspension_was_acknowledged_changes_nothing(always: Home) -> None:
    notebook = always.notebook()
    pid = int(notebook.run("import os, caesura; os.getpid()").value or 0)
    cell = notebook.submit("print('once'); x = await caesura.event('go'); print(x)")
    notebook.wait_for_state(cell, "released")
    if is_alive(pid):
        os.kill(pid, signal.SIGKILL)
    always.command("events", "send", "go", "--json", "5")
    result = notebook.wait(cell)
    assert result.text == "once\n5\n"


def test_a_snapshot_with_a_flipped_byte_is_refused_in_the_cell(always: Home) -> None:
    notebook = always.notebook()
    notebook.run("import caesura; data = bytes(range(256)) * 2000")
    cell = notebook.submit("x = await caesura.event('go')\nprint(x)")
    notebook.wait_for_state(cell, "released")
    blobs = [path for path in (always.path / "blobs").rglob("*") if path.is_file()]
    assert blobs
    for blob in blobs:
        content = bytearray(blob.read_bytes())
        content[len(content) // 2] ^= 1
        blob.chmod(0o600)
        blob.write_bytes(content)
    always.command("events", "send", "go", "--json", "1")
    result = notebook.wait(cell)
    assert result.error is not None
    assert result.error["ename"] == "SnapshotRefused"
    assert any(blob.name in result.error["evalue"] for blob in blobs)
    assert "site-packages" not in "".join(result.error["traceback"])
    assert len(result.error["traceback"]) <= 3
    assert notebook.run("1 + 1").value == "2"


def test_an_error_after_a_move_shows_the_line_of_the_cell(always: Home) -> None:
    notebook = always.notebook()
    notebook.run(SETUP)
    result = notebook.run("async def f():\n    await slow(1)\n    return 1 / 0\nawait f()")
    assert result.error is not None
    assert result.error["ename"] == "ZeroDivisionError"
    assert "return 1 / 0" in re.sub(r"\x1b\[[0-9;]*m", "", "".join(result.error["traceback"]))
