"""What a notebook has made is what it was after a move: identity, sharing, state."""

from __future__ import annotations

import contextvars
import warnings
from pathlib import Path

import pytest
from cases_of_arrays import CASES as ARRAYS
from cases_of_classes import CASES as CLASSES
from cases_of_files import CASES as FILES
from cases_of_functions import CASES as FUNCTIONS
from cases_of_kinds_of_classes import CASES as KINDS
from cases_of_objects import CASES as OBJECTS
from cases_of_references import CASES as REFERENCES
from cases_of_values import CASES as VALUES
from snapshot_cases import Case, move_between

CASES: dict[str, Case] = {**ARRAYS, **CLASSES, **FILES, **VALUES, **KINDS, **FUNCTIONS, **OBJECTS, **REFERENCES}


@pytest.mark.parametrize("name", CASES)
def test_it_goes_on_as_if_it_had_stayed(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # numpy's matrix
        warnings.simplefilter("ignore", ResourceWarning)  # what stays behind is not closed, as in a worker that leaves
        # In a context of its own: a token that a cell keeps takes its whole context along.
        contextvars.Context().run(move_between, CASES[name], tmp_path)
