"""The mark of the cell that a session began last."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from caesura.store.begun import SIZE, BegunCell, forget, has_begun


def test_only_the_last_cell_of_its_session_has_begun(tmp_path: Path) -> None:
    directory = tmp_path / "begun"
    assert not has_begun(directory, "s1", "c1")
    mark = BegunCell(directory, "s1")
    assert not has_begun(directory, "s1", "c1")
    mark.begin("c1")
    assert has_begun(directory, "s1", "c1")
    assert not has_begun(directory, "s2", "c1")
    mark.begin("c2")
    assert not has_begun(directory, "s1", "c1")
    assert has_begun(directory, "s1", "c2")


def test_another_process_of_the_session_finds_the_mark_as_it_is(tmp_path: Path) -> None:
    BegunCell(tmp_path, "s1").begin("c1")
    BegunCell(tmp_path, "s1")
    assert has_begun(tmp_path, "s1", "c1")


@pytest.mark.parametrize("cell_id", ["x" * SIZE, "é" * SIZE, "", "\ud800"], ids=["long", "wide", "empty", "surrogate"])
def test_any_id_can_be_marked(tmp_path: Path, cell_id: str) -> None:
    mark = BegunCell(tmp_path, "s1")
    assert not has_begun(tmp_path, "s1", cell_id)
    mark.begin("before")
    mark.begin(cell_id)
    assert has_begun(tmp_path, "s1", cell_id)


def test_a_session_that_is_over_is_forgotten(tmp_path: Path) -> None:
    BegunCell(tmp_path, "s1").begin("c1")
    forget(tmp_path, "s1")
    forget(tmp_path, "s1")
    assert not has_begun(tmp_path, "s1", "c1")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_private_and_the_mark_outlives_kill_9(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from caesura.store.begun import BegunCell; "
        "BegunCell(Path(sys.argv[1]), 's1').begin('c1'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert has_begun(tmp_path, "s1", "c1")
    assert os.stat(tmp_path / "s1").st_mode & 0o777 == 0o600
