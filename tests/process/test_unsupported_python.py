"""An interpreter whose frames are not known runs cells, and holds those that wait, with that reason.

On a supported interpreter the check is made to know none; `make test-315` runs this on a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from caesura import frames
from notebooks import Home

pytestmark = pytest.mark.process

KNOW_NOTHING = "import caesura.frames.layout\ncaesura.frames.layout._KNOWN = {}\n"


@pytest.fixture
def unsupported(make_home: Callable[..., Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    if frames.unavailable_reason() is None:
        folder = tmp_path / "customised"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(KNOW_NOTHING)
        monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    return make_home(CAESURA_POLICY="always")


def test_its_cells_run_and_are_held_with_the_reason(unsupported: Home) -> None:
    notebook = unsupported.notebook()
    pid = notebook.run("import caesura, asyncio, os\nprint(os.getpid())").text
    cell = notebook.submit("async def f():\n    return await caesura.event('go')\nprint(await f(), os.getpid())")
    held = notebook.wait_for_state(cell, "held")
    assert "the layout of frames is known for CPython" in held["reason"]
    assert "and this is Python 3." in held["reason"]
    unsupported.command("events", "send", "go", "--json", "42")
    assert notebook.wait(cell).text == f"42 {pid}"
    assert notebook.moves(cell) == []
    assert notebook.run("await asyncio.sleep(0.2)\nprint(os.getpid())").text == pid


def test_its_remote_functions_and_tasks_run(unsupported: Home) -> None:
    notebook = unsupported.notebook()
    notebook.run("import caesura, asyncio\n@caesura.remote\ndef double(n):\n    return 2 * n")
    code = "print(await asyncio.gather(double(1), double(2)), await asyncio.wait_for(double(3), 60))"
    assert notebook.run(code).text == "[2, 4] 6\n"


def test_the_doctor_says_so(unsupported: Home) -> None:
    done = unsupported.command("doctor")
    assert "cells are held, not moved: the layout of frames is known for CPython" in done.stdout
