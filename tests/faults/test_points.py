"""What arrives at each named point of freeze, prepare, commit and load: nothing lost, nothing twice.

Each case stops a process at a point (see :mod:`caesura.points`), lets something arrive, and lets it go on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from caesura.errors import CaesuraError
from notebooks import Home, Notebook, Result, until

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

WORKER_SAVING = (
    "freeze.before_flush",
    "freeze.after_flush",
    "prepare.before_serialise",
    "prepare.after_serialise",
    "prepare.before_send",
    "verdict.waiting",
)
COORDINATOR_SAVING = ("prepared.received", "commit.before", "commit.after", "release.before_send")
WORKER_LOADING = ("load.before", "load.after_read", "load.before_fill", "load.after", "replay.before", "go.received")
COORDINATOR_LOADING = (
    "answer.before_record",
    "answer.after_record",
    "wake.before",
    "resume.before_fork",
    "attach.before_send",
    "loaded.received",
    "go.before_send",
    "going.received",
)

CELL = """
import caesura
log.append('begin')
print('begin')
try:
    value = await caesura.event('go')
    log.append(value)
    print('value', value)
finally:
    print('finally')
"""


class Stage:
    """A home whose processes stop at points."""

    def __init__(self, make_home: Callable[..., Home], tmp_path: Path) -> None:
        self.points = tmp_path / "points"
        self.points.mkdir()
        self.home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always", CAESURA_TEST_POINTS=str(self.points))
        self.notebook: Notebook = self.home.notebook()
        self.notebook.run("log = []")
        self._senders: list[subprocess.Popen[bytes]] = []
        self._seen = set(self.points.glob("*.reached"))

    def pause_at(self, point: str) -> None:
        (self.points / f"{point}.pause").touch()

    def kill_at(self, point: str) -> None:
        (self.points / f"{point}.kill").touch()

    def reached(self, point: str) -> int:
        """The pid of the process that newly came to ``point``."""
        path = until(
            lambda: next(iter(set(self.points.glob(f"{point}.*.reached")) - self._seen), None), f"{point} is reached"
        )
        return int(path.name.split(".")[-2])

    def go_on(self, point: str) -> None:
        (self.points / f"{point}.pause").unlink(missing_ok=True)

    def answer(self) -> None:
        """Send the event once somebody waits for it; in a thread's place, a process that may have to wait."""
        until(lambda: self.home.command("events", "send", "go", "--json", "7").returncode == 0, "the event is taken")

    def answer_later(self) -> subprocess.Popen[bytes]:
        """Send the event without waiting; :meth:`close` waits for the sender, which may be cut off."""
        sender = subprocess.Popen(
            [sys.executable, "-m", "caesura.cli", "events", "send", "go", "--json", "7"],
            env=self.home.environ(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._senders.append(sender)
        return sender

    def close(self) -> None:
        for sender in self._senders:
            sender.wait(60)

    def is_back(self) -> bool:
        """Whether a coordinator answers; one that is just being killed does not."""
        with contextlib.suppress(CaesuraError):
            return bool(self.home.status())
        return False

    def expect_value(self, cell: str) -> None:
        result = self.notebook.wait(cell)
        assert result.error is None, result.error
        assert result.text == "begin\nvalue 7\nfinally\n"
        assert self.notebook.run("log").value == "['begin', 7]"

    def expect_interrupted(self, cell: str) -> Result:
        result = self.notebook.wait(cell)
        assert result.error is not None
        assert result.error["ename"] == "KeyboardInterrupt"
        assert result.text == "begin\nfinally\n"
        assert self.notebook.run("log").value == "['begin']"
        return result


@pytest.fixture
def stage(make_home: Callable[..., Home], tmp_path: Path) -> Iterator[Stage]:
    made = Stage(make_home, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("point", WORKER_SAVING)
def test_an_answer_that_arrives_while_the_worker_saves_is_delivered_once(stage: Stage, point: str) -> None:
    stage.pause_at(point)
    cell = stage.notebook.submit(CELL)
    stage.reached(point)
    stage.answer()
    stage.go_on(point)
    stage.expect_value(cell)


@pytest.mark.parametrize("point", WORKER_SAVING)
def test_an_interrupt_that_arrives_while_the_worker_saves_takes_effect_once(stage: Stage, point: str) -> None:
    stage.pause_at(point)
    cell = stage.notebook.submit(CELL)
    stage.reached(point)
    stage.notebook.interrupt()
    stage.go_on(point)
    stage.expect_interrupted(cell)


@pytest.mark.parametrize("point", WORKER_SAVING)
def test_a_restart_that_arrives_while_the_worker_saves_drops_everything(stage: Stage, point: str) -> None:
    stage.pause_at(point)
    stage.notebook.submit(CELL)
    stage.reached(point)
    stage.notebook.restart()
    stage.go_on(point)
    assert stage.notebook.run("'log' in globals()").value == "False"
    assert stage.home.request("events") == []


@pytest.mark.parametrize("point", COORDINATOR_SAVING)
def test_an_answer_that_arrives_while_the_coordinator_commits_is_delivered_once(stage: Stage, point: str) -> None:
    stage.pause_at(point)
    cell = stage.notebook.submit(CELL)
    stage.reached(point)
    sender = stage.answer_later()
    stage.go_on(point)
    assert sender.wait(30) == 0
    stage.expect_value(cell)


@pytest.mark.parametrize("point", COORDINATOR_SAVING)
def test_an_interrupt_that_arrives_while_the_coordinator_commits_takes_effect_once(stage: Stage, point: str) -> None:
    stage.pause_at(point)
    cell = stage.notebook.submit(CELL)
    stage.reached(point)
    stage.notebook.interrupt()
    stage.go_on(point)
    stage.expect_interrupted(cell)


@pytest.mark.parametrize("point", COORDINATOR_SAVING + COORDINATOR_LOADING)
def test_a_coordinator_killed_at_a_point_comes_back_and_the_cell_finishes_once(stage: Stage, point: str) -> None:
    stage.kill_at(point)
    cell = stage.notebook.submit(CELL)
    if point in COORDINATOR_SAVING:
        stage.reached(point)
    else:
        stage.notebook.wait_for_state(cell, "released")
        stage.answer_later()
        stage.reached(point)
    until(lambda: not (stage.points / f"{point}.kill").exists(), "it was killed")
    until(stage.is_back, "the coordinator is back")
    # The sender may have been cut off before its answer was recorded; then it has to be sent again.
    until(
        lambda: (
            stage.home.request("events") == []
            or stage.home.command("events", "send", "go", "--json", "7").returncode == 0
        ),
        "the answer is recorded",
    )
    stage.expect_value(cell)


@pytest.mark.parametrize("point", ["prepare.before_send", "verdict.waiting"])
def test_a_worker_killed_after_it_saved_is_replaced_from_its_snapshot(stage: Stage, point: str) -> None:
    stage.pause_at("commit.before")
    cell = stage.notebook.submit(CELL)
    if point == "verdict.waiting":
        pid = stage.reached(point)
        stage.reached("commit.before")
        os.kill(pid, signal.SIGKILL)
        stage.go_on("commit.before")
        stage.answer()
        stage.expect_value(cell)
    else:
        stage.go_on("commit.before")
        stage.notebook.wait_for_state(cell, "released")
        stage.answer()
        stage.expect_value(cell)


@pytest.mark.parametrize("point", WORKER_LOADING)
def test_a_worker_killed_while_it_loads_is_replaced(stage: Stage, point: str) -> None:
    cell = stage.notebook.submit(CELL)
    stage.notebook.wait_for_state(cell, "released")
    stage.kill_at(point)
    stage.answer()
    stage.expect_value(cell)


@pytest.mark.parametrize("point", WORKER_LOADING)
def test_an_interrupt_that_arrives_while_a_worker_loads_takes_effect(stage: Stage, point: str) -> None:
    cell = stage.notebook.submit(CELL.replace("'go')\n", "'go')\n    value = await caesura.event('second')\n"))
    stage.notebook.wait_for_state(cell, "released")
    stage.pause_at(point)
    stage.answer()
    stage.reached(point)
    stage.notebook.interrupt()
    stage.go_on(point)
    stage.expect_interrupted(cell)
