"""The environments that notebooks run in: what tells two apart, and what their workers see.

What lives here: the key of an environment, the variables of its processes, and the text for an environment that cannot
start any. What must not: processes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from caesura.errors import EnvironmentFault

_AT_START: Final = ("PYTHON", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_", "OMP_", "MKL_", "OPENBLAS_", "CUDA_")
"""Variables that matter before the first line of a notebook runs; the others are set after the fork."""

_OF_JUPYTER: Final = ("JPY_PARENT_PID", "JPY_INTERRUPT_EVENT")
"""They name a process that is not the worker's parent; ipykernel would end itself when that is gone."""


def environment_key(environment: Mapping[str, Any]) -> str:
    """A short digest: environments with the same one share a zygote.

    It covers the interpreter, the prefix, the variables that matter at start, and when packages were last installed.
    """
    folders = _package_folders(str(environment.get("prefix", "")))
    return _digest([environment_group(environment), [[str(folder), _changed(folder)] for folder in folders]])


def environment_group(environment: Mapping[str, Any]) -> str:
    """As :func:`environment_key`, but the same before and after an installation of packages."""
    variables = environment.get("env") or {}
    at_start = {name: variables[name] for name in variables if name.startswith(_AT_START)}
    return _digest([environment.get("executable", ""), environment.get("prefix", ""), at_start])


def shared(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The same environment, whose variables take no memory beside those of the other notebooks."""
    variables = environment.get("env")
    if not isinstance(variables, dict):
        return dict(environment)
    return {**environment, "env": {sys.intern(str(name)): sys.intern(str(variables[name])) for name in variables}}


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _package_folders(prefix: str) -> list[Path]:
    return sorted(Path(prefix).glob("lib/python3*/site-packages")) if prefix else []


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def process_variables(environment: Mapping[str, Any], *, home: Path, socket: Path, hash_seed: int) -> dict[str, str]:
    """The environment variables of a worker: the notebook's own, and how to reach the coordinator.

    A ``PYTHONHASHSEED`` of the user's wins over the home's.
    """
    own = {str(name): str(value) for name, value in (environment.get("env") or {}).items() if name not in _OF_JUPYTER}
    return {
        "PYTHONHASHSEED": str(hash_seed),
        **own,
        "CAESURA_HOME": str(home),
        "CAESURA_SOCKET": str(socket),
    }


def zygote_variables(variables: Mapping[str, str], cwd: str) -> dict[str, str]:
    """The variables of a zygote, which does not start in the notebook's directory: relative entries of ``PYTHONPATH``
    are made absolute."""
    if "PYTHONPATH" not in variables:
        return dict(variables)
    entries = [os.path.join(cwd, entry) for entry in variables["PYTHONPATH"].split(os.pathsep) if entry]
    return {**variables, "PYTHONPATH": os.pathsep.join(entries)}


def interpreter(environment: Mapping[str, Any]) -> str:
    """The environment's Python; EnvironmentFault if it is not there any more."""
    executable = str(environment.get("executable", ""))
    if not os.access(executable, os.X_OK):
        raise EnvironmentFault(
            f"The interpreter {executable or '(none)'} of this notebook's environment is not there. "
            "Make the environment again, or choose another kernel."
        )
    return executable


def start_failure(executable: str, status: int | None, said: str, log: Path) -> EnvironmentFault:
    """Why no worker can be started with ``executable``, from what it ``said`` on stderr and its exit status."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    if "No module named 'caesura'" in said:
        return EnvironmentFault(
            f"Caesura is not installed for {executable}, which this notebook's kernel uses. "
            f"Install it there: {executable} -m pip install caesura"
        )
    ended = "did not become ready in time" if status is None else f"ended with status {status}"
    return EnvironmentFault(f"{executable} could not start workers: it {ended}: {last} (all of it: {log})")
