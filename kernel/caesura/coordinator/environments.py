"""The environment of a notebook as its workers get it.

What lives here: values only. What must not: interpreters, processes (``interpreters.py``, ``processes.py``).
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

_OF_JUPYTER: Final = frozenset({"JPY_PARENT_PID", "JPY_INTERRUPT_EVENT"})
"""They name a process that is not the worker's parent; ipykernel would end itself when that is gone."""


def for_worker(environment: Json, hash_seed: int) -> Json:
    """``environment`` with the variables of a worker: the notebook's own, without those that tie a kernel to the
    process that launched it, and the home's ``PYTHONHASHSEED`` unless the user set one."""
    own = {name: value for name, value in (environment.get("env") or {}).items() if name not in _OF_JUPYTER}
    return {**environment, "env": {"PYTHONHASHSEED": str(hash_seed), **own}}
