"""Wherever in the language an await stands, a move there changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_deep import DEEP_PROGRAMS
from snapshot_definitions import DEFINITION_PROGRAMS
from snapshot_notebook import run
from snapshot_statements import STATEMENT_PROGRAMS

PROGRAMS = {**STATEMENT_PROGRAMS, **DEFINITION_PROGRAMS, **DEEP_PROGRAMS}


@pytest.mark.filterwarnings("ignore:'return' in a 'finally' block:SyntaxWarning")
@pytest.mark.filterwarnings("ignore:'break' in a 'finally' block:SyntaxWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_moving_a_cell_at_each_of_its_waits_changes_nothing(name: str, tmp_path: Path) -> None:
    stayed, _ = run(PROGRAMS[name], tmp_path, moving=False)
    moved, moves = run(PROGRAMS[name], tmp_path, moving=True)
    assert repr(moved) == repr(stayed)
    assert moves >= 1
