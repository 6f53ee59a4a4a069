"""What the command line does to cells and to the coordinator, seen in the notebooks that it concerns."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, is_alive, until

pytestmark = pytest.mark.process


@pytest.fixture
def always(make_home: Callable[..., Home]) -> Home:
    return make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")


def test_a_failed_cell_is_resumed_from_its_last_snapshot(always: Home, tmp_path: Path) -> None:
    notebook = always.notebook(cwd=tmp_path)
    notebook.run("import caesura, os, pathlib, signal; before = 'kept'; flag = pathlib.Path('died.txt')")
    cell = notebook.submit(
        "print('first half')\n"
        "answer = await caesura.event('go')\n"
        "if not flag.exists():\n"
        "    flag.touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "print('second half', answer, before)\n"
        "answer"
    )
    notebook.wait_for_state(cell, "released")
    assert always.command("events", "send", "go", "--json", "7").returncode == 0
    failed = notebook.wait(cell)
    assert failed.error is not None
    assert failed.error["ename"] == "WorkerDied"
    assert f"caesura resume {cell}" in failed.error["evalue"]
    assert notebook.cell(cell)["state"] == "failed"

    resumed = always.command("resume", cell)
    assert resumed.returncode == 0, resumed.stderr
    assert "waited for event 'go'" in resumed.stdout
    notebook.wait_for_state(cell, "done")
    notebook.wait_for_text(cell, "second half 7 kept\n")
    assert notebook.wait(cell).text == "first half\nsecond half 7 kept\n"
    assert notebook.run("answer, before").value == "(7, 'kept')"


def test_only_a_failed_cell_is_resumed(always: Home) -> None:
    notebook = always.notebook()
    cell = notebook.submit("1")
    notebook.wait(cell)
    refused = always.command("resume", cell)
    assert refused.returncode == 1
    assert "done" in refused.stderr
    assert always.command("resume", "no-such-cell").returncode == 1


@pytest.mark.parametrize("policy", ["always", "never"])
def test_a_cancelled_cell_cleans_up_and_its_notebook_lives_on(make_home: Callable[..., Home], policy: str) -> None:
    home = make_home(CAESURA_WORKERS="1", CAESURA_POLICY=policy)
    notebook = home.notebook()
    cell = notebook.submit(
        "import caesura\nx = 1\ntry:\n    await caesura.event('never')\nfinally:\n    print('cleaned up')"
    )
    notebook.wait_for_state(cell, "released" if policy == "always" else "held")
    cancelled = home.command("cancel", cell)
    assert cancelled.returncode == 0, cancelled.stderr
    result = notebook.wait(cell)
    assert result.status == "error"
    assert result.text == "cleaned up\n"
    notebook.wait_for_state(cell, "cancelled")
    assert home.request("events") == []
    assert notebook.run("x").value == "1"
    again = home.command("cancel", cell)
    assert again.returncode == 1
    assert "cancelled already" in again.stderr


def test_a_cell_that_computes_is_cancelled(home: Home) -> None:
    notebook = home.notebook()
    cell = notebook.submit("import time\nx = 1\nprint('on')\nwhile True: time.sleep(0.01)")
    notebook.wait_for_text(cell, "on")
    assert home.command("cancel", cell).returncode == 0
    assert notebook.wait(cell).status == "error"
    notebook.wait_for_state(cell, "cancelled")
    assert notebook.run("x").value == "1"


def test_a_queued_cell_is_cancelled_and_never_runs(always: Home) -> None:
    notebook = always.notebook()
    first = notebook.submit("import caesura\nran = False\nawait caesura.event('go')")
    second = notebook.submit("ran = True")
    third = notebook.submit("ran")
    notebook.wait_for_state(first, "released")
    assert always.command("cancel", second).returncode == 0
    assert notebook.wait(second).status == "aborted"
    always.command("events", "send", "go")
    assert notebook.wait(first).status == "ok"
    assert notebook.wait(third).value == "False"


def test_stop_leaves_open_notebooks_alone_unless_forced(home: Home) -> None:
    notebook = home.notebook()
    worker = int(notebook.run("import os; os.getpid()").value or 0)
    coordinator = home.coordinator_pid()
    refused = home.command("stop")
    assert refused.returncode == 1
    assert "Open notebooks: 1" in refused.stderr
    assert "--force" in refused.stderr
    assert notebook.run("1").value == "1"

    stopped = home.command("stop", "--force")
    assert stopped.returncode == 0, stopped.stderr
    assert not is_alive(coordinator)
    until(lambda: not is_alive(worker), "the worker has ended")
    until(lambda: not notebook.manager.is_alive(), "the kernel has ended")
    assert home.command("stop").returncode == 0


def test_stop_without_notebooks_needs_no_force(home: Home) -> None:
    assert home.command("start").returncode == 0
    pid = home.coordinator_pid()
    assert home.command("stop").returncode == 0
    assert not is_alive(pid)


def test_the_coordinator_ends_by_itself_when_nobody_needs_it(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="1", CAESURA_IDLE_EXIT_S="0.5")
    notebook = home.notebook()
    pid = home.coordinator_pid()
    assert notebook.run("import time; time.sleep(0.8); 1").value == "1"
    assert is_alive(pid)
    notebook.close()
    until(lambda: not is_alive(pid), "the coordinator has ended")
    assert "ERROR" not in home.log()


def test_a_notebook_whose_worker_died_idle_says_so_and_goes_on(home: Home) -> None:
    notebook = home.notebook()
    pid = int(notebook.run("import os; x = 1; os.getpid()").value or 0)
    os.kill(pid, signal.SIGKILL)
    until(lambda: all(worker["pid"] != pid for worker in home.status()["workers"]), "its death is noticed")
    result = notebook.run("'x' in globals()")
    assert result.value == "False"
    assert "its variables are lost" in result.stream("stderr")
    assert notebook.run("2").stream("stderr") == ""
