"""Run a module of the tests of CPython (package ``test``), by itself or with round trips; the outcome as JSON.

``run_suite.py MODULE OUTPUT {every-turn,when-idle,with-futures,never} [TEST...]``
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import signal
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import in_place

_HANGS_S = 120


class Outcome(unittest.TestResult):
    """Keeps the last line of what each test failed with."""

    def __init__(self, counts: list[int]) -> None:
        super().__init__()
        self.failed: dict[str, str] = {}
        self.moved: dict[str, int] = {}
        self._counts = counts
        self._before = 0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._before = len(self._counts)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        if len(self._counts) > self._before:
            self.moved[name_of(test)] = len(self._counts) - self._before

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self._note(test)

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self._note(test, is_error=True)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed[name_of(test)] = f"{err[0].__name__}: {err[1]}"

    def _note(self, test: unittest.TestCase, *, is_error: bool = False) -> None:
        text = (self.errors if is_error else self.failures)[-1][1]
        self.failed[name_of(test)] = text


def name_of(test: unittest.TestCase) -> str:
    """``test_asyncio.test_tasks.CTask_CFuture_Tests.test_cancel``."""
    return test.id().removeprefix("test.")


def is_of_interest(test: unittest.TestCase) -> bool:
    """Tasks and futures written in Python cannot be moved: they hold the cell by name."""
    return not any(mark in type(test).__name__ for mark in ("PyTask", "PyFuture", "PyIntrospection", "PyCurrent"))


def tests_in(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    found: list[unittest.TestCase] = []
    for part in suite:
        found += tests_in(part) if isinstance(part, unittest.TestSuite) else [part]
    return found


def main(module: str, output: str, mode: str, *only: str) -> None:
    faulthandler.dump_traceback_later(_HANGS_S, exit=True)  # a test that hangs is seen where
    # A shell has its background jobs ignore it, and tests of asyncio send it to themselves.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    loader = unittest.TestLoader()
    tests = tests_in(loader.loadTestsFromModule(importlib.import_module(f"test.{module}")))
    chosen = [test for test in tests if is_of_interest(test) and (not only or name_of(test) in only)]
    options = {"only_when_idle": mode == "when-idle", "with_futures": mode == "with-futures"}
    counts = [] if mode == "never" else in_place.install(**options)
    outcome = Outcome(counts)
    unittest.TestSuite(chosen).run(outcome)
    found = {
        "run": outcome.testsRun,
        "skipped": len(outcome.skipped),
        "rebuilt": sum(counts),
        "moved": outcome.moved,
        "failed": outcome.failed,
    }
    Path(output).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
