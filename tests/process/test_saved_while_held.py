"""A held cell survives ``kill -9`` of its worker, in real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from notebooks import Home, until

pytestmark = [pytest.mark.process, pytest.mark.slow]


def test_a_held_cell_goes_on_after_kill_9_of_its_worker_unless_its_code_has_run_on(
    make_home: Callable[..., Home],
) -> None:
    home = make_home(CAESURA_WORKERS="2")
    notebook = home.notebook(CAESURA_POLICY="auto")
    pid = int(notebook.run("import os, caesura; big = list(range(1000)); os.getpid()").value or 0)
    cell = notebook.submit(
        "%%hold\nimport time\nprint('once'); x = await caesura.event('go'); print(x, sum(big)); time.sleep(600)"
    )
    notebook.wait_for_state(cell, "held")
    until(lambda: notebook.cell(cell).get("snapshot_bytes"), "the snapshot of the held cell")
    notebook.wait_for_state(cell, "held")
    assert notebook.moves(cell) == []
    os.kill(pid, signal.SIGKILL)
    until(lambda: notebook.moves(cell), "the move")
    home.command("events", "send", "go", "--json", "5")
    notebook.wait_for_text(cell, "5 499500")
    moved = notebook.wait_for_state(cell, "running")
    os.kill(int(moved["worker_pid"]), signal.SIGKILL)
    result = notebook.wait(cell)
    assert result.text == "once\n5 499500\n"
    assert result.error is not None
    assert result.error["ename"] == "WorkerDied"
