"""Objects of libraries keep what they share, and go on, after a move. Skipped where the library is not installed."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from cases_of_libraries import CASES as LIBRARIES
from cases_of_models import CASES as MODELS
from cases_of_tables import CASES as TABLES
from snapshot_cases import move_between

CASES = {**LIBRARIES, **MODELS, **TABLES}


@pytest.mark.parametrize("name", CASES)
def test_it_goes_on_as_if_it_had_stayed(name: str, tmp_path: Path) -> None:
    library, *case = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of libraries
        pytest.importorskip(library, reason=f"{library} is not installed")
        move_between((case[0], case[1]), tmp_path)
