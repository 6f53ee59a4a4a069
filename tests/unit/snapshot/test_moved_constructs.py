"""Wherever in the language an await stands, a move there changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_deep import DEEP_PROGRAMS
from snapshot_definitions import DEFINITION_PROGRAMS
from snapshot_notebook import moves_that_change_nothing
from snapshot_statements import STATEMENT_PROGRAMS

PROGRAMS = {**STATEMENT_PROGRAMS, **DEFINITION_PROGRAMS, **DEEP_PROGRAMS}


@pytest.mark.filterwarnings("ignore:'return' in a 'finally' block:SyntaxWarning")
@pytest.mark.filterwarnings("ignore:'break' in a 'finally' block:SyntaxWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_moving_a_cell_at_each_of_its_waits_changes_nothing(name: str, tmp_path: Path) -> None:
    assert moves_that_change_nothing(PROGRAMS[name], tmp_path) >= 1
