"""An idle notebook takes no process, and is as it was when it is used again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notebooks import DEADLINE_S, Home, is_alive, until

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


def test_a_parked_notebook_answers_what_needs_no_variables_and_comes_back_for_the_rest(home: Home) -> None:
    notebook = home.notebook(CAESURA_PARK_AFTER="never")
    notebook.run("import os\nfrom comm import create_comm")
    pid = int(notebook.run("kept = [1, 2]; widget = create_comm(target_name='t'); os.getpid()").value or 0)
    client = notebook.client

    def ask() -> list[dict[str, Any]]:
        asked = [
            client.is_complete("for x in y:"),
            client.is_complete("1 +"),
            client.comm_info(),
            client.comm_info(target_name="other"),
            client.history(hist_access_type="tail", n=2),
            client.history(hist_access_type="search", pattern="*getpid*", unique=True, raw=False),
        ]
        found = {}
        while set(asked) - set(found):
            message = client.get_shell_msg(timeout=DEADLINE_S)
            found[message["parent_header"]["msg_id"]] = message["content"]
        assert [each for each in found if each in asked] == asked
        return [found[each] for each in asked]

    by_its_worker = ask()
    (session,) = home.status()["sessions"]
    parked = home.command("park", session["session_id"])
    assert parked.returncode == 0, parked.stderr
    until(lambda: not is_alive(pid), "its worker is gone")
    assert ask() == by_its_worker
    assert by_its_worker[0] == {"status": "incomplete", "indent": "    "}
    assert home.status()["workers"] == []
    assert home.status()["sessions"][0]["state"] == "suspended"
    client.history(hist_access_type="range", session=0, start=0, reply=True, timeout=DEADLINE_S)
    until(lambda: home.status()["workers"], "it came back for what only it knows")
    assert notebook.run("kept").value == "[1, 2]"


def test_a_notebook_is_parked_on_request_unless_it_runs_a_cell(home: Home) -> None:
    notebook = home.notebook(CAESURA_PARK_AFTER="never")
    pid = int(notebook.run("import os; kept = [1, 2]; os.getpid()").value or 0)
    (session,) = home.status()["sessions"]
    parked = home.command("park", session["session_id"])
    assert parked.returncode == 0, parked.stderr
    until(lambda: not is_alive(pid), "its worker is gone")
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
