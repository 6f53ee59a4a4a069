"""Run the suites of other projects with our kernel in the place of ``python3``.

    python tests/suites/run_suites.py [SUITE ...] [--policy POLICY ...]

A folder on JUPYTER_PATH with a kernelspec named ``python3`` points every tool at our kernel. The tests are taken from
the installed package or from its source distribution of the pinned version; nothing of them is in this repository.
``suites.toml`` says what is run and which tests cannot pass, with the reason; any other failure is an error.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
POLICIES = ("auto", "always")
LIMIT_S = 120
PYTEST_OPTIONS = [
    *("-q", "-rf", "-p", "no:cacheprovider", "--timeout", str(LIMIT_S)),
    # Their own settings turn warnings of newer libraries into errors.
    *("-o", "addopts=", "-o", "filterwarnings=default", "-o", "asyncio_mode=auto"),
    *("-o", "asyncio_default_fixture_loop_scope=function"),
]


def source_of(suite: dict[str, Any], cache: Path) -> Path:
    """The folder in which the suite's files are."""
    if "package" in suite:
        return Path(str(importlib.import_module(suite["package"]).__file__)).parent
    requirement = suite["source"]
    folder = cache / requirement.replace("==", "-")
    if not folder.exists():
        with tempfile.TemporaryDirectory() as downloaded:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            only_source = ["--no-binary", requirement.partition("==")[0]]  # not of what it takes to build it
            subprocess.run([*pip, *only_source, "--dest", downloaded, requirement], check=True)
            (archive,) = Path(downloaded).glob("*.tar.gz")
            with tarfile.open(archive) as opened:
                opened.extractall(cache, filter="data")
    return folder


def run(files: list[str], source: Path, policy: str) -> Path:
    """Run a suite's files under ``policy`` in a home of its own; the report, as JUnit writes it."""
    with tempfile.TemporaryDirectory(prefix="caesura-suites-") as name:
        folder = Path(name)
        spec = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "caesura", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
        environ = {
            **os.environ,
            "CAESURA_HOME": str(folder / "home"),
            "CAESURA_POLICY": policy,
            "HOME": name,
            "JUPYTER_PATH": str(folder / "jupyter"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        report = Path(tempfile.mkstemp(suffix=".xml")[1])
        command = [sys.executable, "-m", "pytest", *PYTEST_OPTIONS, f"--junitxml={report}", *files]
        try:
            subprocess.run(command, cwd=source, env=environ, check=False)
        finally:
            subprocess.run([sys.executable, "-m", "caesura.cli", "stop", "--force"], env=environ, check=False)
        return report


def failures(report: Path) -> tuple[int, list[str]]:
    """How many tests were run, and which failed."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return len(cases), [f"{case.get('classname')}::{case.get('name')}" for case in failed]


def judge(name: str, suite: dict[str, Any], policy: str, failed: list[str]) -> Iterator[str]:
    """What was not expected, in words."""
    known = [each for each in suite.get("exceptions", ()) if policy in each.get("policies", POLICIES)]
    for test in failed:
        reasons = [each["reason"] for each in known if fnmatch.fnmatchcase(test, each["test"])]
        if reasons:
            say(f"  expected: {test}: {reasons[0]}")
        else:
            yield f"{name} under {policy}: {test} failed"
    for each in known:
        if not fnmatch.filter(failed, each["test"]):
            say(f"  passes now: {each['test']}; its exception can go")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    suites = tomllib.loads((HERE / "suites.toml").read_text())
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(suites)}; all if none is given")
    parser.add_argument("--policy", action="append", choices=POLICIES, help="both if it is not given")
    parser.add_argument("--cache", type=Path, default=Path(sys.prefix) / "suites", help="where sources are unpacked")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    unexpected: list[str] = []
    for name in arguments.suites or suites:
        suite = suites[name]
        source = source_of(suite, arguments.cache)
        for policy in arguments.policy or POLICIES:
            say(f"== {name}, CAESURA_POLICY={policy}")
            report = run(suite["files"], source, policy)
            count, failed = failures(report)
            report.unlink()
            say(f"  {count} tests, {len(failed)} failed")
            unexpected += judge(name, suite, policy, failed)
            unexpected += [] if count else [f"{name} under {policy}: no test was run"]
    say("\n".join(unexpected) or "No test failed that was not expected to.")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
