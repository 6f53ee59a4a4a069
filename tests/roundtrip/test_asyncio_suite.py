"""CPython's own tests of asyncio pass while every suspended task is pickled, dropped and rebuilt at every turn."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cannot_pass import CANNOT_PASS

from caesura import frames

MODULES = (
    "test_asyncio.test_tasks",
    "test_asyncio.test_futures",
    "test_asyncio.test_futures2",
    "test_asyncio.test_locks",
    "test_asyncio.test_queues",
    "test_asyncio.test_taskgroups",
    "test_asyncio.test_timeouts",
    "test_asyncio.test_waitfor",
    "test_asyncio.test_runners",
    "test_asyncio.test_eager_task_factory",
    "test_asyncio.test_staggered",
    "test_asyncio.test_pep492",
    "test_asyncgen",
    "test_contextlib_async",
)
FOLDER = Path(__file__).parent


def is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(f"test.{module}") is not None
    except ModuleNotFoundError:  # the package around it is not there
        return False


def outcome_of(script: str, *arguments: str, output: Path) -> dict[str, Any]:
    """What a run of tests in a process of its own came to."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", f"import run_suite, sys\n{script}\nrun_suite.main(*sys.argv[1:])", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=output.parent,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(output.read_text())
    return found


pytestmark = [
    pytest.mark.skipif(frames.unavailable_reason() is not None, reason=str(frames.unavailable_reason())),
    pytest.mark.skipif(
        sys.version_info >= (3, 14), reason="in_place.exchange does not know frames that hold addresses"
    ),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("module", [module for module in MODULES if is_there(module)])
def test_all_tests_pass_but_those_that_are_listed(module: str, tmp_path: Path) -> None:
    mode = "with-futures" if "futures" in module else "every-turn"
    outcome = outcome_of("", module, str(tmp_path / "outcome"), mode, output=tmp_path / "outcome")
    failed = outcome["failed"]
    listed = {name for name in CANNOT_PASS if name.startswith(f"{module}.")}
    unlisted = {name: text for name, text in failed.items() if name not in listed}
    assert not unlisted, "\n".join([*unlisted, *unlisted.values()])
    assert listed <= failed.keys(), f"these pass and have to come off the list: {sorted(listed - failed.keys())}"
    assert outcome["rebuilt"] > 0


def test_python_has_its_tests() -> None:
    if not is_there("test_asyncio.test_tasks"):
        pytest.skip("this Python was installed without its tests")


@pytest.mark.skipif(not is_there("test_asyncio.test_timeouts"), reason="this Python has no tests of its own")
def test_they_also_pass_when_only_a_loop_that_would_wait_is_rebuilt(tmp_path: Path) -> None:
    output = tmp_path / "outcome"
    outcome = outcome_of("", "test_asyncio.test_timeouts", str(output), "when-idle", output=output)
    assert outcome["failed"] == {}
    assert outcome["rebuilt"] > 0


LOSES_CANCELLATIONS = "from caesura.snapshot import task_fields\ntask_fields.read = lambda task: {}"


@pytest.mark.skipif(not is_there("test_asyncio.test_tasks"), reason="this Python has no tests of its own")
def test_what_is_lost_on_the_way_makes_a_test_fail(tmp_path: Path) -> None:
    output = tmp_path / "outcome"
    name = "test_asyncio.test_tasks.CTask_CFuture_Tests.test_cancel_traceback_for_future_exception"
    outcome = outcome_of(LOSES_CANCELLATIONS, "test_asyncio.test_tasks", str(output), "every-turn", name, output=output)
    assert list(outcome["failed"]) == [name]
