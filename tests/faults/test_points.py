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
from notebooks import DEADLINE_S, Home, Notebook, Result, until

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

WORKER_SAVING = (
    "freeze.before_flush",
    "freeze.after_flush",
    "prepare.before_serialise",
    "prepare.after_serialise",
    "prepare.before_send",
    "verdict.waiting",
)
BEFORE_PREPARED = WORKER_SAVING[:-1]
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

    def __init__(self, make_home: Callable[..., Home], tmp_path: Path, policy: str = "always") -> None:
        self.points = tmp_path / "points"
        self.points.mkdir()
        self.home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY=policy, CAESURA_TEST_POINTS=str(self.points))
        self.notebook: Notebook = self.home.notebook()
        self.notebook.run("log = []")
        self._senders: list[subprocess.Popen[bytes]] = []
        self._seen = set(self.points.glob("*.reached"))

    def pause_at(self, point: str) -> None:
        self._seen |= set(self.points.glob("*.reached"))  # also of processes that tried a snapshot, and have ended
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

    def interrupt(self) -> None:
        """Interrupt the notebook; the coordinator knows of it."""
        client = self.notebook.client
        request = client.session.msg("interrupt_request", {})
        client.control_channel.send(request)
        reply = client.get_control_msg(timeout=DEADLINE_S)
        assert reply["parent_header"]["msg_id"] == request["header"]["msg_id"]

    def kill_the_coordinator(self) -> None:
        """Kill it and wait until the next one answers."""
        self.home.kill_coordinator()
        until(self.is_back, "the coordinator is back")

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


@pytest.fixture
def abortable(make_home: Callable[..., Home], tmp_path: Path) -> Iterator[Stage]:
    """Under this policy a cell leaves its worker at once, but its save is given up for what comes meanwhile."""
    made = Stage(make_home, tmp_path, "fixed:0")
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
    assert len(stage.notebook.moves(cell)) == 1  # under `always` the block counts, though its answer has come


@pytest.mark.parametrize("point", BEFORE_PREPARED)
def test_a_save_is_given_up_for_an_answer(abortable: Stage, point: str) -> None:
    abortable.pause_at(point)
    cell = abortable.notebook.submit(CELL)
    worker = abortable.reached(point)
    abortable.answer()
    abortable.go_on(point)
    abortable.expect_value(cell)
    assert abortable.notebook.moves(cell) == []
    assert abortable.notebook.run("import os; os.getpid()").value == str(worker)


@pytest.mark.parametrize("point", BEFORE_PREPARED)
def test_a_save_is_given_up_for_an_interrupt(abortable: Stage, point: str) -> None:
    abortable.pause_at(point)
    cell = abortable.notebook.submit(CELL)
    worker = abortable.reached(point)
    abortable.interrupt()
    abortable.go_on(point)
    abortable.expect_interrupted(cell)
    assert abortable.notebook.moves(cell) == []
    assert abortable.notebook.run("import os; os.getpid()").value == str(worker)


@pytest.mark.parametrize("point", WORKER_SAVING)
def test_an_interrupt_that_arrives_while_the_worker_saves_takes_effect_once(stage: Stage, point: str) -> None:
    stage.pause_at(point)
    cell = stage.notebook.submit(CELL)
    stage.reached(point)
    stage.interrupt()
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


@pytest.mark.parametrize("point", WORKER_SAVING)
def test_a_coordinator_killed_while_the_worker_saves_comes_back_and_takes_the_snapshot(
    stage: Stage, point: str
) -> None:
    stage.pause_at(point)
    cell = stage.notebook.submit(CELL)
    stage.reached(point)
    stage.kill_the_coordinator()
    stage.go_on(point)
    stage.notebook.wait_for_state(cell, "released")
    stage.answer()
    stage.expect_value(cell)


@pytest.mark.parametrize("point", WORKER_LOADING)
def test_a_coordinator_killed_while_a_worker_loads_comes_back_and_lets_it_go_on(stage: Stage, point: str) -> None:
    cell = stage.notebook.submit(CELL)
    stage.notebook.wait_for_state(cell, "released")
    stage.pause_at(point)
    stage.answer()
    worker = stage.reached(point)
    stage.kill_the_coordinator()
    stage.go_on(point)
    stage.expect_value(cell)
    assert len(stage.notebook.moves(cell)) == 1
    assert stage.notebook.moves(cell)[0]["to_pid"] == worker


def test_when_everything_dies_before_a_loaded_cell_may_go_on_another_worker_loads_it(stage: Stage) -> None:
    cell = stage.notebook.submit(CELL)
    stage.notebook.wait_for_state(cell, "released")
    stage.pause_at("replay.before")
    stage.answer()
    worker = stage.reached("replay.before")
    stage.home.kill_coordinator()
    os.kill(worker, signal.SIGKILL)
    stage.go_on("replay.before")
    stage.expect_value(cell)


def test_when_everything_dies_after_a_loaded_cell_was_allowed_to_go_on_it_is_not_run_again(stage: Stage) -> None:
    cell = stage.notebook.submit(CELL)
    stage.notebook.wait_for_state(cell, "released")
    stage.pause_at("go.received")
    stage.answer()
    worker = stage.reached("go.received")
    stage.home.kill_coordinator()
    os.kill(worker, signal.SIGKILL)
    stage.go_on("go.received")
    result = stage.notebook.wait(cell)
    assert result.text == "begin\n"
    assert result.error is not None
    assert result.error["ename"] == "WorkerDied"
    assert f"caesura resume {cell}" in result.error["evalue"]


def test_a_worker_killed_while_its_snapshot_is_committed_is_replaced(stage: Stage) -> None:
    stage.pause_at("commit.before")
    cell = stage.notebook.submit(CELL)
    worker = stage.reached("verdict.waiting")
    stage.reached("commit.before")
    os.kill(worker, signal.SIGKILL)
    stage.go_on("commit.before")
    stage.answer()
    stage.expect_value(cell)


@pytest.mark.parametrize("point", BEFORE_PREPARED)
def test_a_worker_killed_before_its_snapshot_is_there_fails_its_cell(stage: Stage, point: str) -> None:
    stage.kill_at(point)
    cell = stage.notebook.submit(CELL)
    result = stage.notebook.wait(cell)
    assert "value" not in result.text
    assert result.error is not None
    assert result.error["ename"] == "WorkerDied"
    assert stage.notebook.run("1 + 1").value == "2"


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
    stage.interrupt()
    stage.go_on(point)
    stage.expect_interrupted(cell)
