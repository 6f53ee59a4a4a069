"""``kill -9`` of the coordinator: it comes back by itself, and its clients notice nothing but a pause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, until

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]


def test_ten_suspended_cells_and_one_running_survive(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")
    suspended = [home.notebook() for _ in range(10)]
    runner = home.notebook(CAESURA_POLICY="never")
    log = tmp_path / "ran.log"
    cells = [
        notebook.submit(
            f"import caesura\n"
            f"with open({str(log)!r}, 'a') as f: f.write('begin {n}\\n')\n"
            f"print('begin', end=' ')\n"
            f"x = await caesura.event('go')\n"
            f"with open({str(log)!r}, 'a') as f: f.write('end {n}\\n')\n"
            f"print('end', x)"
        )
        for n, notebook in enumerate(suspended)
    ]
    for notebook, cell in zip(suspended, cells, strict=True):
        notebook.wait_for_state(cell, "released")
    gate = tmp_path / "gate"
    running = runner.submit(
        f"import time, pathlib\n"
        f"print('run begins')\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        f"print('run ends')"
    )
    runner.wait_for_text(running, "run begins")

    old = home.kill_coordinator()
    until(lambda: home.coordinator_pid() != old and home.status(), "the coordinator is back")
    gate.touch()

    assert runner.wait(running).text == "run begins\nrun ends\n"
    until(lambda: len(home.request("events")) == 10, "ten events are waited for")
    sent = home.command("events", "send", "go", "--json", "1")
    assert sent.returncode == 0, sent.stderr
    for notebook, cell in zip(suspended, cells, strict=True):
        result = notebook.wait(cell, 120)
        assert result.error is None
        assert result.text == "begin end 1\n"
    assert sorted(log.read_text().split("\n")) == sorted(
        ["", *(f"{word} {n}" for n in range(10) for word in ("begin", "end"))]
    )
    assert suspended[0].run("1 + 1").value == "2"
    assert runner.run("1 + 1").value == "2"


def test_a_remote_function_that_runs_meanwhile_is_not_run_again(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")
    notebook = home.notebook()
    gate, log = tmp_path / "gate", tmp_path / "log"
    cell = notebook.submit(
        f"import caesura\n"
        f"@caesura.remote\n"
        f"def work():\n"
        f"    import time, pathlib\n"
        f"    with open({str(log)!r}, 'a') as f: f.write('ran\\n')\n"
        f"    while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        f"    return 'result'\n"
        f"print(await work())"
    )
    notebook.wait_for_state(cell, "released")
    until(log.exists, "the function runs")
    old = home.kill_coordinator()
    until(lambda: home.coordinator_pid() != old and home.status(), "the coordinator is back")
    gate.touch()
    assert notebook.wait(cell).text == "result\n"
    assert log.read_text() == "ran\n"


def test_a_running_worker_that_dies_fails_its_cell_with_a_clear_error(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2")
    notebook = home.notebook()
    result = notebook.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert result.status == "error"
    assert result.error is not None
    assert result.error["ename"] == "WorkerDied"
    assert "signal 9" in result.error["evalue"] or "SIGKILL" in result.error["evalue"]
    assert notebook.run("1 + 1").value == "2"


def test_a_remote_function_that_kills_its_process_raises_operation_uncertain(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")
    notebook = home.notebook()
    result = notebook.run(
        "import caesura, os, signal\n"
        "@caesura.remote\n"
        "def dies():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "try:\n"
        "    await dies()\n"
        "except caesura.OperationUncertain as error:\n"
        "    print('uncertain:', error)\n"
    )
    assert result.error is None
    assert result.text.startswith("uncertain: ")


def test_a_remote_function_with_retries_is_run_again(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")
    marker = tmp_path / "tried"
    result = home.notebook().run(
        f"import caesura, os, signal, pathlib\n"
        f"@caesura.remote(retries=1)\n"
        f"def dies_once():\n"
        f"    marker = pathlib.Path({str(marker)!r})\n"
        f"    if not marker.exists():\n"
        f"        marker.touch()\n"
        f"        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"    return 'second time'\n"
        f"print(await dies_once())"
    )
    assert result.text == "second time\n"


def test_a_cell_whose_first_act_is_to_kill_the_coordinator_and_its_worker_runs_once(
    make_home: Callable[..., Home], tmp_path: Path
) -> None:
    home = make_home(CAESURA_WORKERS="1", CAESURA_POLICY="auto")
    notebook = home.notebook()
    log = tmp_path / "ran.log"
    for number in range(3):
        notebook.run("import os, signal")
        old = home.coordinator_pid()
        cell = notebook.submit(
            f"os.kill({old}, signal.SIGKILL)\n"
            f"with open({str(log)!r}, 'a') as f: f.write('{number} ')\n"
            f"os.kill(os.getpid(), signal.SIGKILL)"
        )
        until(lambda old=old: home.coordinator_pid() != old and home.status(), "the coordinator is back")
        result = notebook.wait(cell)
        assert result.error is not None
        assert result.error["ename"] == "WorkerDied"
    assert log.read_text() == "0 1 2 "
