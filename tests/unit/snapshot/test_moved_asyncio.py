"""What a cell holds or awaits of asyncio is the same after a move."""

from __future__ import annotations

from pathlib import Path

import pytest
from asyncio_locks import PROGRAMS as LOCKS
from asyncio_tasks import PROGRAMS as TASKS
from asyncio_waiting import PROGRAMS as WAITING
from snapshot_notebook import run

PROGRAMS = {**WAITING, **LOCKS, **TASKS}


@pytest.mark.parametrize("name", PROGRAMS)
def test_moving_a_cell_at_each_of_its_waits_changes_nothing(name: str, tmp_path: Path) -> None:
    stayed, _ = run(PROGRAMS[name], tmp_path, moving=False)
    moved, moves = run(PROGRAMS[name], tmp_path, moving=True)
    assert repr(moved) == repr(stayed)
    assert moves >= 1
