"""A session that can be saved and not be loaded is held, with the reason, before its worker goes; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notebooks import Home, Notebook, until

pytestmark = pytest.mark.process

_CLASSES = """
import caesura, os

class Broken:
    def __reduce__(self):
        return int, ("no number",)

class Unset:
    def __init__(self):
        self.size = 1
    def __setstate__(self, state):
        raise LookupError("there is no such state")

class Crashing:
    def __init__(self):
        self.size = 1
    def __setstate__(self, state):
        import signal
        os.kill(os.getpid(), signal.SIGSEGV)

class Hanging:
    def __init__(self):
        self.size = 1
    def __setstate__(self, state):
        import time
        while True:
            time.sleep(0.01)

class Good:
    def __init__(self):
        self.size = 1
    def __setstate__(self, state):
        with open("loads", "a") as file:
            file.write("x")
        self.__dict__.update(state)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("tried") / "home", CAESURA_WORKERS="2", CAESURA_POLICY="always")
    yield home
    home.close()


def _held(notebook: Notebook, made: str, event: str) -> tuple[str, str]:
    """The reason for which a cell with such a variable is held, and what it prints when its answer has come."""
    cell = notebook.submit(
        f"thing = {made}\n"
        "before = os.getpid()\n"
        f"answer = await caesura.event('{event}')\n"
        "print(answer, type(thing).__name__, before == os.getpid())\n"
        "del thing"
    )
    reason = str(notebook.wait_for_state(cell, "held")["reason"])
    assert notebook.home.command("events", "send", event, "--json", "7").returncode == 0
    return reason, notebook.wait(cell).text


def test_objects_that_cannot_be_loaded_hold_the_cell_until_its_answer_comes(home: Home, tmp_path: Path) -> None:
    notebook = home.notebook(cwd=tmp_path, CAESURA_TRIAL_LIMIT_S="1")
    assert notebook.run(_CLASSES).status == "ok"
    reason, text = _held(notebook, "Broken()", "broken")
    assert "thing → Broken" in reason
    assert "ValueError: invalid literal for int() with base 10: 'no number'" in reason
    assert text == "7 Broken True\n"

    reason, text = _held(notebook, "[Good(), Unset()]", "unset")
    assert "thing → [1] → Unset" in reason
    assert "LookupError: there is no such state" in reason
    assert "caesura.register_reducer()" in reason
    assert text == "7 list True\n"

    reason, text = _held(notebook, "Crashing()", "crashing")
    assert "killed by SIGSEGV" in reason
    assert text == "7 Crashing True\n"

    reason, text = _held(notebook, "Hanging()", "hanging")
    assert "it did not end within 1 s" in reason
    assert text == "7 Hanging True\n"


def test_what_has_been_loaded_is_not_tried_again(home: Home, tmp_path: Path) -> None:
    notebook = home.notebook(cwd=tmp_path)
    assert notebook.run(_CLASSES).status == "ok"
    code = "import asyncio\nthing = Good()\nfor _ in range(3):\n    await asyncio.sleep(0.01)\nprint(thing.size)"
    assert notebook.run(code).text == "1\n"
    moves, trials = 3, 1
    assert len((tmp_path / "loads").read_text()) == moves + trials


_SLOW = """
import asyncio, caesura, os, pathlib, time

class Slow:
    def __init__(self):
        self.size = 1
    def __setstate__(self, state):
        pathlib.Path("begun").touch()
        while not pathlib.Path("gate").exists():
            time.sleep(0.01)
        self.__dict__.update(state)

thing = Slow()
before = os.getpid()
"""


def test_an_answer_ends_a_trial(home: Home, tmp_path: Path) -> None:
    notebook = home.notebook(cwd=tmp_path, CAESURA_POLICY="fixed:0")
    cell = notebook.submit(f"{_SLOW}print(await caesura.event('go'), before == os.getpid())")
    until((tmp_path / "begun").exists, "the trial has begun")
    assert notebook.home.command("events", "send", "go", "--json", "7").returncode == 0
    assert notebook.wait(cell).text == "7 True\n"


def test_a_coordinator_that_is_killed_during_a_trial_finds_the_session_saved(home: Home, tmp_path: Path) -> None:
    notebook = home.notebook(cwd=tmp_path)
    cell = notebook.submit(f"{_SLOW}print(await caesura.event('go'), thing.size, before == os.getpid())")
    until((tmp_path / "begun").exists, "the trial has begun")
    old = home.kill_coordinator()
    until(lambda: home.coordinator_pid() != old and home.status(), "the coordinator is back")
    (tmp_path / "gate").touch()
    notebook.wait_for_state(cell, "released")
    assert home.command("events", "send", "go", "--json", "7").returncode == 0
    assert notebook.wait(cell).text == "7 1 False\n"


def test_a_worker_without_a_zygote_tries_too(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always", CAESURA_START_METHOD="spawn")
    notebook = home.notebook(cwd=tmp_path)
    cell = notebook.submit(f"{_CLASSES}\nthing = Unset()\nawait caesura.event('never')")
    assert "LookupError: there is no such state" in notebook.wait_for_state(cell, "held")["reason"]
