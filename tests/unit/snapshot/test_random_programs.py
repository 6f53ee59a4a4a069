"""A random program gives the same when it is moved at each of its waits.

``CAESURA_EXAMPLES=2000`` makes a long run. A program is made from a number and a length:
``snapshot_grammar.program(seed, length)``.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from snapshot_grammar import program
from snapshot_notebook import run

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

EXAMPLES = int(os.environ.get("CAESURA_EXAMPLES", "12"))
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@pytest.mark.timeout(120 + 2 * EXAMPLES)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), length=st.integers(1, 20))
def test_a_program_that_is_moved_at_each_wait_gives_what_it_gives_when_it_stays(seed: int, length: int) -> None:
    source = program(seed, length)
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        stayed, _ = run(source, Path(folder), moving=False)
        moved, _ = run(source, Path(folder), moving=True)
    assert repr(moved) == repr(stayed)
