"""Who gets a worker, and who does not have to wait for one."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from notebooks import Home, is_alive, until

pytestmark = pytest.mark.process


def test_two_endless_loops_do_not_keep_a_third_notebook_from_answering(home: Home) -> None:
    busy = [home.notebook(), home.notebook()]
    third = home.notebook()
    cells = [notebook.submit("print('on')\nwhile True: pass") for notebook in busy]
    for notebook, cell in zip(busy, cells, strict=True):
        notebook.wait_for_text(cell, "on")
    started = time.monotonic()
    assert third.run("40 + 2").value == "42"
    assert time.monotonic() - started < 2
    for notebook, cell in zip(busy, cells, strict=True):
        notebook.interrupt()
        error = notebook.wait(cell).error
        assert error is not None
        assert error["ename"] == "KeyboardInterrupt"


def test_an_idle_notebook_gives_its_worker_to_who_needs_it_and_keeps_its_variables(
    make_home: Callable[..., Home],
) -> None:
    home = make_home(CAESURA_WORKERS="1")
    first, second = home.notebook(), home.notebook()
    pid = int(first.run("import os; kept = {'a': 1}; os.getpid()").value or 0)
    assert second.run("2 + 2").value == "4"
    until(lambda: not is_alive(pid), "the first notebook's worker is gone")
    assert first.run("kept").value == "{'a': 1}"
    assert first.run("os.getpid()").value != str(pid)


def test_a_background_task_of_a_parked_notebook_goes_on(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="1")
    first, second = home.notebook(), home.notebook()
    first.run(
        "import asyncio\n"
        "done = []\n"
        "async def later():\n"
        "    await asyncio.sleep(1)\n"
        "    done.append('yes')\n"
        "task = asyncio.create_task(later())"
    )
    assert second.run("1").value == "1"
    until(lambda: first.run("done").value == "['yes']", "the task has run")


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("import socket\nopen_socket = socket.socket()", "socket"),
        (
            "import threading\nstop = threading.Event()\n"
            "busy = threading.Thread(target=stop.wait, name='the-busy-one', daemon=True); busy.start()",
            "the-busy-one",
        ),
        ("import caesura\nholder = caesura.hold('because I say so'); holder.__enter__()", "because I say so"),
    ],
)
def test_what_cannot_be_moved_is_held_finishes_and_is_named_by_status(
    make_home: Callable[..., Home], code: str, named: str
) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")
    notebook = home.notebook()
    notebook.run("import caesura")
    cell = notebook.submit(code + "\nx = await caesura.event('go')\nprint(x)")
    held = notebook.wait_for_state(cell, "held")
    assert named in held["reason"]
    shown = home.command("status")
    assert named in shown.stdout
    sent = home.command("events", "send", "go", "--json", "7")
    assert sent.returncode == 0, sent.stderr
    result = notebook.wait(cell)
    assert result.error is None, result.error
    assert result.text == "7\n"
    assert notebook.moves(cell) == []
