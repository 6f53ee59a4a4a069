"""An idle notebook takes no process, and is as it was when it is used again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from notebooks import Home, is_alive, until

pytestmark = pytest.mark.process


def test_an_idle_notebook_is_parked_and_its_own_timer_wakes_it(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_PARK_AFTER="0.2")
    notebook = home.notebook()
    made = home.path.parent / "made"
    pid = int(
        notebook.run(
            "import asyncio, os, pathlib\n"
            "kept = {'a': 1}\n"
            "async def later():\n"
            "    await asyncio.sleep(1.5)\n"
            f"    pathlib.Path({str(made)!r}).write_text(str(os.getpid()))\n"
            "task = asyncio.create_task(later())\n"
            "os.getpid()"
        ).value
        or 0
    )
    until(lambda: not is_alive(pid), "the idle notebook's worker is gone")
    assert not made.exists()
    until(made.exists, "the notebook's task has gone on")
    until(made.read_text, "it has said where")
    assert int(made.read_text()) != pid
    assert notebook.run("kept, task.done()").value == "({'a': 1}, True)"


def test_a_notebook_is_parked_on_request_and_answers_what_needs_no_variables(home: Home) -> None:
    notebook = home.notebook(CAESURA_PARK_AFTER="never")
    pid = int(notebook.run("import os; kept = [1, 2]; os.getpid()").value or 0)
    (session,) = home.status()["sessions"]
    parked = home.command("park", session["session_id"])
    assert parked.returncode == 0, parked.stderr
    until(lambda: not is_alive(pid), "its worker is gone")
    notebook.client.kernel_info(reply=True, timeout=10)
    assert notebook.manager.is_alive()
    assert home.status()["workers"] == []
    assert notebook.run("kept").value == "[1, 2]"
    held = notebook.submit("import time\nwhile True: time.sleep(0.01)")
    notebook.wait_for_state(held, "running")
    refused = home.command("park", session["session_id"])
    assert refused.returncode == 1
    assert "runs a cell (running)" in refused.stderr
    notebook.interrupt()
    notebook.wait(held)
