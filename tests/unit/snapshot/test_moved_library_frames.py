"""Suspended coroutines of installed packages: their code travels by value, their functions and globals by reference."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from snapshot_library_frames import LIBRARY_PROGRAMS
from snapshot_notebook import PRELUDE, Notebook, moves_that_change_nothing


@pytest.mark.parametrize("name", LIBRARY_PROGRAMS)
def test_moving_a_cell_that_waits_inside_a_package_changes_nothing(name: str, tmp_path: Path) -> None:
    package = name.partition(" ")[0]
    pytest.importorskip(package, reason=f"{package} is not installed")
    assert moves_that_change_nothing(LIBRARY_PROGRAMS[name], tmp_path) >= 5


def test_a_frame_goes_on_with_its_code_and_its_module_with_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "edited_meanwhile.py"
    source.write_text("told = []\nasync def work(turn):\n    await turn()\n    told.append('old')\n    return 'old'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    notebook = Notebook(tmp_path / "blobs")
    notebook.execute(PRELUDE)
    notebook.execute("import edited_meanwhile\nresult = await edited_meanwhile.work(turn)")
    try:
        manifest = notebook.save().manifest
        source.write_text("told = []\nextra = 1\nasync def work(turn):\n    return await turn(), 'new'\n")
        importlib.invalidate_caches()
        importlib.reload(sys.modules["edited_meanwhile"])
        other = Notebook.load(manifest, tmp_path / "blobs")
        notebook.forget()
        frame = other.cell["coroutine"].cr_await.cr_frame
        module: Any = sys.modules["edited_meanwhile"]
        assert frame.f_globals is vars(module)
        other.step()
        assert other.namespace["result"] == "old"
        assert module.told == ["old"]
        other.forget()
    finally:
        del sys.modules["edited_meanwhile"]
