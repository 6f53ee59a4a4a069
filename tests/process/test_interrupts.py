"""An interrupt takes effect within a second, whatever the cell is doing (I10)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from notebooks import DEADLINE_S, Home, Notebook

pytestmark = pytest.mark.process


def expect_interrupt(notebook: Notebook, cell: str, within_s: float = 1.5) -> None:
    started = time.monotonic()
    notebook.interrupt()
    result = notebook.wait(cell)
    assert time.monotonic() - started < within_s
    assert result.status == "error"
    assert result.error is not None
    assert result.error["ename"] == "KeyboardInterrupt"
    assert "caesura/" not in "".join(result.error["traceback"])  # nothing of ours between the user and the line
    assert notebook.run("'still ' + 'here'").value == "'still here'"


@pytest.mark.parametrize(
    "code",
    [
        "print('on')\nimport time\nwhile True: time.sleep(0.01)",
        "import asyncio\nprint('on')\nawait asyncio.sleep(100)",
        "import asyncio, time\nawait asyncio.sleep(0)\nprint('on')\nwhile True: time.sleep(0.01)",
        "import asyncio, time\nasync def child():\n    print('on')\n    while True: time.sleep(0.01)\n"
        "await asyncio.gather(child(), asyncio.sleep(100))",
    ],
    ids=["synchronous", "awaiting", "synchronous after an await", "in a child task"],
)
def test_a_running_cell_is_interrupted(make_home: Callable[..., Home], code: str) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="never")
    notebook = home.notebook()
    cell = notebook.submit(code)
    notebook.wait_for_text(cell, "on")
    expect_interrupt(notebook, cell)


def test_a_suspended_cell_is_interrupted_and_runs_its_finally(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="1", CAESURA_POLICY="always")
    notebook = home.notebook()
    cell = notebook.submit("import caesura\ntry:\n    await caesura.event('never')\nfinally:\n    print('cleaned up')")
    notebook.wait_for_state(cell, "released")
    expect_interrupt(notebook, cell, 2.5)
    assert notebook.wait(cell).text == "cleaned up\n"


def test_an_idle_notebook_is_not_hurt_by_an_interrupt(home: Home) -> None:
    notebook = home.notebook()
    notebook.run("x = 1")
    notebook.interrupt()
    assert notebook.run("x").value == "1"


def test_a_restart_drops_a_suspended_cell_and_its_variables(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="1", CAESURA_POLICY="always")
    notebook = home.notebook()
    cell = notebook.submit("import caesura\nx = 1\nawait caesura.event('never')")
    notebook.wait_for_state(cell, "released")
    notebook.restart()
    assert notebook.run("'x' in globals()").value == "False"
    assert home.request("events") == []


def test_an_interrupt_ends_a_debugger_that_waits_for_a_command(home: Home) -> None:
    notebook = home.notebook()
    cell = notebook.submit("import pdb; pdb.set_trace()", allow_stdin=True)
    assert notebook.client.get_stdin_msg(timeout=DEADLINE_S)["msg_type"] == "input_request"
    notebook.interrupt()
    notebook.wait(cell)
    assert notebook.run("3 + 4").value == "7"


def test_an_interrupt_inside_c_code_is_acknowledged_at_once_and_takes_effect_after_it(home: Home) -> None:
    notebook = home.notebook()
    cell = notebook.submit(
        "import hashlib\nprint('on')\nwhile True: hashlib.pbkdf2_hmac('sha256', b'', b'', 2_000_000)"
    )
    notebook.wait_for_text(cell, "on")
    client = notebook.client
    asked = client.session.msg("interrupt_request")
    client.control_channel.send(asked)
    replied = client.control_channel.get_msg(timeout=1)
    assert (replied["msg_type"], replied["parent_header"]["msg_id"]) == ("interrupt_reply", asked["header"]["msg_id"])
    error = notebook.wait(cell).error
    assert error is not None
    assert error["ename"] == "KeyboardInterrupt"


def test_an_interrupt_of_a_parked_notebook_leaves_it_parked(home: Home) -> None:
    notebook = home.notebook(CAESURA_PARK_AFTER="never")
    notebook.run("x = 1")
    (session,) = home.status()["sessions"]
    assert home.command("park", session["session_id"]).returncode == 0
    notebook.interrupt()
    assert home.status()["workers"] == []
    assert notebook.run("x").value == "1"
