"""A cell that is moved wherever it waits gives what it gives when it stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_notebook import run
from snapshot_programs import PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_moving_a_cell_at_each_of_its_waits_changes_nothing(name: str, tmp_path: Path) -> None:
    stayed, _ = run(PROGRAMS[name], tmp_path, moving=False)
    moved, moves = run(PROGRAMS[name], tmp_path, moving=True)
    assert repr(moved) == repr(stayed)
    assert moves >= 1
