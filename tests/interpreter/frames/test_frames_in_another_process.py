"""Frames carried into a new process go on there. What may crash an interpreter runs in a child."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNEL = Path(__file__).parents[3] / "kernel"


def run(script: str, *arguments: str, **variables: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(KERNEL), **variables}
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(HERE / script), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("allocator", ["malloc", "debug"])
def test_every_construct_is_finished_by_another_process(tmp_path: Path, allocator: str) -> None:
    file = tmp_path / "frames"
    # One seed for both, as all interpreters of one home have: the order of sets is part of their state.
    seed = {"PYTHONHASHSEED": "7", "PYTHONMALLOC": allocator}
    saver = int(run("resume_frames.py", "save", str(file), **seed))
    report = json.loads(run("resume_frames.py", "finish", str(file), **seed))
    assert report["pid"] != saver
    assert len(report["ended"]) > 150
    assert [entry for entry in report["ended"] if not entry[2]] == []


def test_the_self_check_notices_every_wrong_number_without_a_crash() -> None:
    found = json.loads(run("wrong_layouts.py"))
    assert len(found) > 80
    assert [(name, by) for name, by, difference in found if difference is None] == []


@pytest.mark.skipif(not hasattr(sys, "_jit") or not sys._jit.is_available(), reason="this Python has no JIT built in")
def test_a_jit_that_is_built_in_matters_only_when_it_is_on() -> None:
    assert run("why_unavailable.py", PYTHON_JIT="0") == "None\n"
    assert "PYTHON_JIT=0" in run("why_unavailable.py", PYTHON_JIT="1")


def test_another_implementation_imports_the_package_and_is_told_why_it_is_off() -> None:
    reason, error = run("other_implementation.py").splitlines()
    assert reason == "frames can be read on CPython only, and this is otherpython"
    assert error == f"Suspended frames cannot be moved: {reason}."
