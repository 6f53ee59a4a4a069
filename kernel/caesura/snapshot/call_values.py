"""Single values as bytes: arguments, results and exceptions of calls.

A function of the notebook travels with the globals that it uses, and theirs; all of one pickle share them. A class of
the notebook that comes back is the class that went out. Nothing that is bound to the event loop or to this process can
go: it would not be the same thing at the other end.
"""

from __future__ import annotations

import dis
import functools
import importlib
import io
import pickle
import sys
import types
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot import files, threads
from caesura.snapshot.classes import token_for
from caesura.snapshot.iterators import fill_iterator
from caesura.snapshot.obstacles import locate
from caesura.snapshot.pickler import ObjectPickler, Stream
from caesura.snapshot.quiet import quiet
from caesura.snapshot.reducing import Phase, Reduced, is_importable
from caesura.snapshot.restoring import Restoring
from caesura.snapshot.seeds import Seeds
from caesura.snapshot.unmovable import kind_name

_GLOBAL_OPCODES: Final = frozenset(
    {"LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
)
_STAY: Final = {
    files.reduce_file: "Pass its path instead.",
    threads.reduce_thread: "Threads stay in their process.",
    threads.reduce_executor: "Executors stay in their process.",
    threads.reduce_concurrent_future: "Pass its result instead.",
}
_MODULES: Final = ""
"""The key of modules that have to be imported because the code reaches them through a package."""


def dumps(value: object, *, namespace: dict[str, Any] | None = None) -> bytes:
    """``value`` as bytes. CannotMove, with the path to it from ``value``, if something in it cannot be sent.

    Functions whose globals are ``namespace`` (by default those of ``__main__``), or any dict that is not a module's,
    take along the globals that they use.
    """
    stream = Stream(_never)
    try:
        with quiet():
            _CallPickler(stream, namespace).dump_all([value])
    except Exception as error:
        obstacle = locate(error, value, lambda trial: _try(trial, namespace))
        raise CannotMove(obstacle.kind, obstacle.path, obstacle.remedy) from error
    return stream.take()


def loads(data: bytes, *, namespace: dict[str, Any] | None = None) -> Any:
    """The value that :func:`dumps` was given. Errors are those of the value's own code, or of pickle.

    What functions in it had as globals is in a dict of its own; ``namespace`` is not changed. A plain pickle, as the
    answer of an event is one, is a value without functions.
    """
    restoring = Restoring(None)
    with restoring.under_way():
        stream = io.BytesIO(data)
        unpickler = pickle.Unpickler(stream)
        value = unpickler.load()
        while stream.tell() < len(data) and (entries := unpickler.load()) is not None:
            for phase, obj, state in entries:
                if phase == "iterator":
                    fill_iterator(obj, state)
                else:
                    state.pop(_MODULES, None)
                    obj.update(state)
    return value


def _never() -> bool:
    return False


def _try(value: object, namespace: dict[str, Any] | None) -> None:
    with quiet():
        _CallPickler(Stream(_never), namespace).dump_all([value])


class _SharedGlobals:
    """Stands for the globals of functions of the notebook."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: set[str] = set()

    def __reduce__(self) -> Reduced:
        return _make_globals, (self.name,)


class _ModuleGlobals:
    """Stands for the globals of functions of a module."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Reduced:
        return _vars_of, (self.name,)


def _make_globals(name: str) -> dict[str, Any]:
    return {"__name__": name, "__builtins__": vars(sys.modules["builtins"])}


def _vars_of(module: str) -> dict[str, Any]:
    return vars(importlib.import_module(module))


class _CallPickler(ObjectPickler):
    def __init__(self, stream: Stream, namespace: dict[str, Any] | None) -> None:
        super().__init__(stream, loop=None, seeds=Seeds())
        self._namespace = vars(sys.modules["__main__"]) if namespace is None else namespace
        self._globals: dict[int, _SharedGlobals | _ModuleGlobals] = {}

    def _keep_in_band(self, buffer: pickle.PickleBuffer) -> bool:
        return True

    def reducer_override(self, obj: Any) -> Reduced:
        reduced = super().reducer_override(obj)
        if reduced is not NotImplemented:
            remedy = _STAY.get(self._reducers[type(obj)])  # type: ignore[arg-type]  # None is not among them
            if remedy is not None and reduced[0] is not files.standard_stream:
                raise CannotMove(kind_name(type(obj)), remedy=remedy)
        return reduced

    def later(self, phase: Phase, obj: object, state: object) -> None:
        if phase == "cache":
            return  # what has been computed here need not travel with every call
        if phase != "iterator":
            raise CannotMove(kind_name(type(obj)), remedy="It stays in its session: pass what it gives instead.")
        self._put_off.append((phase, obj, state))

    def orders_of_sets(self) -> list[Any]:
        return []

    def token_of(self, cls: type) -> str:
        return token_for(cls)

    def globals_of(self, function_globals: dict[str, Any], code: types.CodeType) -> object:
        shared = self._globals.get(id(function_globals))
        if shared is None:
            shared = self._globals[id(function_globals)] = self._stand_in(function_globals)
        if isinstance(shared, _SharedGlobals):
            names = {
                name: function_globals[name]
                for name in global_names(code)
                if name in function_globals and name not in shared.sent
            }
            modules = [module for name in names if isinstance(module := names[name], types.ModuleType)]
            reached = [found for module in modules for found in _reached(module, code)]
            if names:
                shared.sent.update(names)
                self._put_off.append(("globals", shared, {**names, _MODULES: reached}))
        return shared

    def _stand_in(self, function_globals: dict[str, Any]) -> _SharedGlobals | _ModuleGlobals:
        name = str(function_globals.get("__name__", "__main__"))
        if function_globals is not self._namespace:
            module = sys.modules.get(name)
            if is_importable(module) and vars(module) is function_globals:
                return _ModuleGlobals(name)
        return _SharedGlobals(name)


@functools.lru_cache(maxsize=4096)
def global_names(code: types.CodeType) -> frozenset[str]:
    """The names that ``code``, and the code inside it, looks up among its globals."""
    names = {str(step.argval) for step in dis.get_instructions(code) if step.opname in _GLOBAL_OPCODES}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= global_names(constant)
    return frozenset(names)


def _reached(package: types.ModuleType, code: types.CodeType) -> list[types.ModuleType]:
    """Modules inside ``package`` that ``code`` seems to reach as its attributes (``xml.dom``)."""
    attributes = _attribute_names(code)
    prefix = f"{package.__name__}."
    return [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(prefix)
        and isinstance(module, types.ModuleType)
        and all(part in attributes for part in name.removeprefix(prefix).split("."))
    ]


@functools.lru_cache(maxsize=4096)
def _attribute_names(code: types.CodeType) -> frozenset[str]:
    inner = [_attribute_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return frozenset(code.co_names).union(*inner)
