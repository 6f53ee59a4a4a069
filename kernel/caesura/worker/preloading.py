"""Which modules a zygote imports beforehand, and whether that is safe.

What sessions of an environment have imported is told by the coordinator. A module is imported in a child first: one
that leaves a thread behind, changes the process, or takes more memory than there is left, is refused. Only what is
installed in the environment is imported, never a module of the user's.

What lives here: the choice and the trial. What must not: where the modules wait (``shelf.py``).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import select
import signal
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from caesura.errors import InternalError
from caesura.worker.shelf import shelf
from caesura.worker.warm import assert_forkable

_TRIAL_S: Final = 30.0
_FIT_FOR_A_FORK: Final = frozenset({"jemalloc_bg_thd"})
"""jemalloc starts its thread again in a child by itself (``background_thread_postfork_child`` in its sources)."""
_NOT_FOR_US: Final = frozenset({"caesura", "caesura_server", "site", "sitecustomize", "usercustomize"})


def installed_origin(name: str) -> str:
    """The file of the top-level module ``name`` if it is installed in this environment, else the empty string."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return ""
    origin = "" if spec is None or not spec.origin else os.path.realpath(spec.origin)
    folders = {os.path.realpath(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    return origin if any(origin.startswith(folder + os.sep) for folder in folders) else ""


def resident_bytes() -> int:
    """Of this process; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@dataclass
class Preloading:
    """Of one zygote. ``budget_bytes`` is how much larger it may become."""

    budget_bytes: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    _wanted: list[str] = field(default_factory=list)
    _taken_bytes: int = 0

    def want(self, names: Sequence[str], budget_bytes: int) -> None:
        """Sessions use ``names``, the most used first."""
        self.budget_bytes = budget_bytes
        here = {*self._wanted, *shelf.names, *self.refused}
        self._wanted += [name for name in names if name not in here and name not in sys.modules]

    @property
    def is_wanted(self) -> bool:
        return bool(self._wanted)

    def next(self) -> bool:
        """Import one more, if it is to be imported; whether it was."""
        name = self._wanted.pop(0)
        reason = self._why_not(name)
        if reason:
            self.refused[name] = reason
            return False
        before = resident_bytes()
        names, finders = _import(name)
        shelf.put_aside(name, names, finders)
        self._taken_bytes += max(0, resident_bytes() - before)
        return True

    def _why_not(self, name: str) -> str:
        if name in sys.stdlib_module_names or name in _NOT_FOR_US or "." in name:
            return "it is not one of an installed package"
        if not installed_origin(name):
            return "it is not installed in this environment"
        if self._taken_bytes >= self.budget_bytes:
            return "the memory for it is used up"
        return self._try(name)

    def _try(self, name: str) -> str:
        """Import it in a child; what speaks against it."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            said = _trial(name)
            os.write(writer, json.dumps(said).encode())
            os._exit(0)
        os.close(writer)
        data = b""
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        if poll.poll(int(_TRIAL_S * 1000)):
            data = os.read(reader, 1 << 16)
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(reader)
        os.waitpid(pid, 0)
        if not data:
            return "its import crashed or took too long"
        grown, reason = json.loads(data)
        if not reason and self._taken_bytes + grown > self.budget_bytes:
            reason = "it takes more memory than is left for it"
        return str(reason)


def _import(name: str) -> tuple[frozenset[str], list[Any]]:
    """Import ``name``; the modules of installed packages and the finders that were not there before."""
    modules, finders = set(sys.modules), list(sys.meta_path)
    importlib.import_module(name)
    brought = frozenset(
        each for each in sys.modules.keys() - modules if each.partition(".")[0] not in sys.stdlib_module_names
    )
    return brought, [finder for finder in sys.meta_path if finder not in finders and finder is not shelf]


def _trial(name: str) -> tuple[int, str]:
    """In a child: how much larger the process became, and what speaks against the import."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    before, state = resident_bytes(), _state()
    try:
        brought, _ = _import(name)
        assert_forkable()
    except InternalError as error:
        return 0, str(error)
    except BaseException as error:  # noqa: BLE001  a module may do anything; this process is thrown away
        return 0, f"its import fails: {type(error).__name__}"
    changed = [what for what, value in _state().items() if value != state[what]]
    if changed:
        return 0, f"its import changes {', '.join(changed)}"
    if any(_has_generator(each) for each in brought):
        return 0, "it draws random numbers of its own"
    pid = os.fork()  # libraries end their native threads before a fork, or are not fit for it
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    if _native_threads() > 1:
        return 0, "it keeps native threads"
    return max(0, resident_bytes() - before), ""


def _has_generator(name: str) -> bool:
    """Whether a module has a generator of random numbers that cannot be seeded anew."""
    return any(
        type(value).__qualname__ == "Generator" and type(value).__module__.startswith("numpy.random")
        for value in list(getattr(sys.modules.get(name), "__dict__", {}).values())
    )


def _state() -> dict[str, object]:
    return {
        "the environment": dict(os.environ),
        "the directory": os.getcwd(),
        "sys.path": list(sys.path),
        "hooks": (sys.excepthook, sys.displayhook, sys.stdout, sys.stderr),
        "signal handlers": [signal.getsignal(number) for number in signal.valid_signals()],
    }


def _native_threads() -> int:
    """How many threads there are, beside those that are known to be fit for a fork."""
    count = 0
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/comm", encoding="ascii", errors="replace") as file:
                count += file.read().strip() not in _FIT_FOR_A_FORK
    except OSError:
        return 1
    return count
