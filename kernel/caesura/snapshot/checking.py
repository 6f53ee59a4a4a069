"""A look at the variables of a notebook, between cells: which of them would hold it.

It costs at most its budget. Objects are tried as a save would, but nothing that a user or a library wrote is called:
what reduces itself in its own way counts as movable, and so do tables, arrays, and files on disk. What the look does
not come to is looked at the next time.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import time
import types
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from caesura.errors import CannotMove, SaveAborted
from caesura.model import Obstacle
from caesura.snapshot import files, wide
from caesura.snapshot.obstacles import locate_within
from caesura.snapshot.pickler import ObjectPickler, Stream
from caesura.snapshot.quiet import quiet
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Phase, Reduced
from caesura.snapshot.seeds import Anchors, Seeds, anchors_only
from caesura.snapshot.unmovable import kind_name

BUDGET_S: Final = 0.002

_PLAIN: Final = (bool, bytearray, bytes, complex, float, int, str, type(None))
_LIBRARIES: Final = frozenset({"numpy", "pandas", "polars", "pyarrow", "torch", "scipy", "matplotlib"})
_STANDARD: Final = sys.stdlib_module_names | NOTEBOOK_MODULES
_SLOTS: Final = (types.GetSetDescriptorType, types.MemberDescriptorType)
_NO_TIME: Final = "It is too large to be looked at between cells."


class _CheckPickler(ObjectPickler):
    def __init__(self, seeds: Seeds, loop: object, is_over: Callable[[], bool]) -> None:
        super().__init__(Stream(is_over), loop=loop, seeds=seeds)
        self._is_over = is_over
        self._count = 0

    def later(self, phase: Phase, obj: object, state: object) -> None:
        self._put_off.append((phase, obj, state))

    def globals_of(self, function_globals: dict[str, Any], code: types.CodeType) -> object:
        return None

    def reducer_override(self, obj: Any) -> Reduced:
        self._count += 1
        if not self._count & 15 and self._is_over():
            raise SaveAborted(_NO_TIME)
        cls: Any = type(obj)
        if isinstance(obj, io.IOBase):
            _check_file(obj)
            return object, ()
        if _has_own_way(cls):
            return object, ()
        if isinstance(obj, type) and obj.__module__ in NOTEBOOK_MODULES:
            own = [value for name, value in vars(obj).items() if name not in ("__dict__", "__weakref__")]
            return object, (), (obj.__bases__, [each for each in own if not isinstance(each, _SLOTS)])
        reducer = super().reducer_override
        if cls.__module__.partition(".")[0] not in _STANDARD and self._is_wide(obj):
            raise CannotMove(kind_name(cls), remedy="It has no way to be written down.")
        return reducer(obj)

    def _is_wide(self, obj: Any) -> bool:
        if type(obj) not in self._reducers:
            from caesura.snapshot.choosing import reducer_for

            self._reducers[type(obj)] = reducer_for(obj)
        return self._reducers[type(obj)] is wide.reduce_widely

    def check(self, value: object) -> None:
        """CannotMove, or whatever pickle raises, if ``value`` would hold; SaveAborted if there is no time left."""
        self.dump(value)
        while self._put_off:
            entries, self._put_off = self._put_off, []
            self.dump([state for _, _, state in entries])


def _has_own_way(cls: Any) -> bool:
    root = cls.__module__.partition(".")[0]
    if root in _LIBRARIES:
        return True
    if root == "builtins" or (isinstance(cls, type) and issubclass(cls, type)):
        return False
    is_default = cls.__reduce__ is object.__reduce__ and cls.__reduce_ex__ is object.__reduce_ex__
    has_state = getattr(cls, "__getstate__", None) is not getattr(object, "__getstate__", None)
    is_users = root in NOTEBOOK_MODULES or root not in sys.stdlib_module_names
    return is_users and (not is_default or has_state) and not issubclass(cls, BaseException)


def _check_file(file: Any) -> None:
    if file.closed or file in files.standard_streams().values():
        return
    try:
        is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return  # in memory
    if not is_regular:
        raise CannotMove(f"open file {getattr(file, 'name', '')!s}", remedy="Close it before the await.")


class NamespaceCheck:
    """``found`` are the variables that would hold the session, by name; ``clock`` gives seconds,
    by default those of the processor: a machine that is busy with others does not make it look at less."""

    def __init__(self, namespace: Mapping[str, Any], clock: Callable[[], float] = time.thread_time) -> None:
        self._namespace = namespace
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._queue: deque[str] = deque()
        self._too_large: dict[str, int] = {}
        self.found: dict[str, Obstacle] = {}

    @property
    def waiting(self) -> int:
        """How many variables have not been looked at since they were set."""
        return sum(self._seen.get(name) != id(value) for name, value in self._variables())

    def _variables(self) -> list[tuple[str, Any]]:
        return [
            (name, value)
            for name, value in list(self._namespace.items())
            if not name.startswith("_") and not isinstance(value, _PLAIN)
        ]

    def run(self, anchors: Anchors, loop: object, budget_s: float = BUDGET_S) -> bool:
        """Look at what is new, then again at what was found, then at the others in turn. Whether ``found`` changed."""
        end = self._clock() + budget_s
        before = dict(self.found)
        variables = dict(self._variables())
        for name in [name for name in self.found if name not in variables]:
            del self.found[name]
        new = [name for name, value in variables.items() if self._seen.get(name) != id(value)]
        others = [name for name in self._queue if name in variables and name not in new and name not in self.found]
        order = [*new, *self.found, *others]
        if order and self._clock() < end:
            seeds = anchors_only(anchors)
            pickler = _CheckPickler(seeds, loop, lambda: self._clock() > end)
            with quiet():
                done = self._look(order, variables, pickler, seeds, loop, end)
            self._queue = deque([name for name in [*others, *new] if name not in done])
            self._queue.extend(done)
        return self.found != before

    def _look(
        self,
        order: list[str],
        variables: dict[str, Any],
        pickler: _CheckPickler,
        seeds: Seeds,
        loop: object,
        end: float,
    ) -> list[str]:
        done: list[str] = []
        for name in order:
            if self._clock() > end:
                break
            value = variables[name]
            if self._too_large.get(name) == id(value):
                continue
            try:
                pickler.check(value)
            except SaveAborted:
                if not done:  # the whole budget was not enough for it alone
                    self._too_large[name] = self._seen[name] = id(value)
                    self.found.pop(name, None)
                break
            except Exception as error:  # noqa: BLE001  any error is what is looked for
                known = self.found.get(name)
                if known is None or self._seen.get(name) != id(value) or known.path == name:
                    trial = self._trial(seeds, loop, end)
                    self.found[name] = locate_within(name, value, error, trial, end, self._clock)
            else:
                self.found.pop(name, None)
            self._seen[name] = id(value)
            done.append(name)
        return done

    def _trial(self, seeds: Seeds, loop: object, end: float) -> Callable[[object], None]:
        def attempt(value: object) -> None:
            _CheckPickler(seeds, loop, lambda: self._clock() > end).check(value)

        return attempt
