"""A cell that is moved wherever it waits gives what it gives when it stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_notebook import moves_that_change_nothing
from snapshot_programs import PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_moving_a_cell_at_each_of_its_waits_changes_nothing(name: str, tmp_path: Path) -> None:
    assert moves_that_change_nothing(PROGRAMS[name], tmp_path) >= 1
