"""What stands in modules in the place of what they held at import, and how it is set aside for a while.

While a session is looked at, saved, and loaded, our own code and the libraries that it calls have to meet the real
functions: a mock of ``os.getpid`` says nothing of the process, one of ``builtins.len`` nothing of a list. The user's
code meets what the user has put there, again from its next step on. Threads of the user's do not run in between: a busy
one holds the session.

What lives here: finding it, setting it aside. What must not: how it moves (:mod:`caesura.snapshot.patches`).
"""

from __future__ import annotations

import builtins
import getpass
import logging
import os
import sys
import types
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import is_, itemgetter
from typing import Any, Final

from caesura.snapshot import imported
from caesura.snapshot.imported import MISSING, Change
from caesura.snapshot.reducing import NOTEBOOK_MODULES

PLAIN: Final = (bool, int, float, complex, str, bytes, type(None))
_DESCRIPTORS: Final = (staticmethod, classmethod, property)
_Builtin: Final = types.BuiltinFunctionType
_Environ: Final = type(os.environ)
OF_THE_SHELL: Final = frozenset({"get_ipython", "exit", "quit", "display", "__IPYTHON__", "_"})
"""Names that IPython puts into builtins while a cell runs."""

_OF_THE_KERNEL: Final = frozenset({"caesura", "ipykernel"})
HOOKS: Final = frozenset({"displayhook", "excepthook", "breakpointhook", "unraisablehook"})
_ASKING: Final = (("builtins", "input"), ("getpass", "getpass"))
"""What the kernel itself replaces while a cell runs."""

_FOR_PICKLE: Final = frozenset({"__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__"})
"""Who replaces one of these in a class of a library wants it to be called by a save."""

_all, _delattr, _isinstance, _map, _setattr, _type = all, delattr, isinstance, map, setattr, type
_HARMLESS: Final = frozenset({"breakpoint", "compile", "eval", "exec", "help", "input", "open", "print"})
_NO_CHANGES: Final[list[Change]] = []


class _Functions:
    """The functions that a module had when the session began. Looking costs some microseconds, and works whatever is
    replaced in builtins: nothing is called by a name that could lead there."""

    def __init__(self, module: types.ModuleType, names: Sequence[str]) -> None:
        self.module = module
        self.contents = module.__dict__
        self.names = tuple(names)
        self.values = tuple(self.contents[name] for name in names)
        self.items = tuple(zip(self.names, self.values, strict=True))
        self._read = itemgetter(*self.names, *self.names[:1])  # of one name it would give no tuple

    def changes(self) -> list[Change]:
        contents = self.contents
        try:
            if _all(_map(is_, self._read(contents), self.values)):
                return _NO_CHANGES
        except KeyError:  # one was deleted
            pass
        name_of_module = self.module.__name__
        return [
            Change(name_of_module, "", self.module, name, old, new)
            for name, old in self.items
            if (new := contents.get(name, MISSING)) is not old
        ]


_functions: Final[list[_Functions]] = []
_names: Final[dict[str, frozenset[str]]] = {}
_aside: list[Change] | None = None


def begin() -> None:
    """A session begins in this process: what is in place now is not the user's."""
    imported.begin()
    asking = {(module, name) for module, name in _ASKING}
    _names.clear()
    functions = {
        builtins: [name for name, value in vars(builtins).items() if callable(value) and name not in OF_THE_SHELL],
        sys: [name for name, value in vars(sys).items() if type(value) is _Builtin and name not in HOOKS],
        getpass: [name for name, value in vars(getpass).items() if callable(value)],
    }
    _functions[:] = [
        _Functions(module, [name for name in names if (module.__name__, name) not in asking])
        for module, names in functions.items()
    ]
    _functions.extend(_Functions(sys.modules[module], [name]) for module, name in _ASKING)
    _names.update((module.__name__, frozenset(names)) for module, names in functions.items())


def changes(namespace: Mapping[str, Any]) -> list[Change]:
    """Everything that was replaced in builtins, :mod:`sys` and libraries; ``namespace`` is the notebook's."""
    if _aside is not None:
        return _aside
    found = _of_functions()
    return [*found, *_of_libraries(namespace)] if found else _of_libraries(namespace)


def functions_of(module: str) -> frozenset[str]:
    """Names in builtins, :mod:`sys` or :mod:`getpass` of which :func:`changes` says when they are not as they were."""
    return _names.get(module, frozenset())


def _of_functions() -> list[Change]:
    return [change for each in _functions for change in each.changes() if not _is_of_kernel(change)]


def _is_of_kernel(change: Change) -> bool:
    if (change.module, change.name) not in _ASKING or type(change.new) is not types.MethodType:
        return False
    return str(change.new.__func__.__module__).partition(".")[0] in _OF_THE_KERNEL


def _of_libraries(namespace: Mapping[str, Any]) -> list[Change]:
    return [change for change in imported.library_changes(namespace) if _is_patch(change, namespace)]


class _SetAside:
    """Entered, it is as if nothing had been replaced; left, all is as it was. Not a generator: ``next`` may be what is
    replaced."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self.swapped: list[Change] = []

    def __enter__(self) -> None:
        global _aside
        found = _of_functions()  # first: all the rest calls some of them
        swapped = self.swapped
        swapped += found
        for change in found:
            change.owner.__dict__[change.name] = change.old
        others = _of_libraries(self._namespace)
        for change in others:
            if _is_to_be_set_aside(change, self._namespace):
                swapped.append(change)
                put(change.owner, change.name, change.old)
        if not swapped:
            imported.looked_near()
        _aside = found + others

    def forget(self) -> None:
        """Not to be left: nothing is aside any more."""
        global _aside
        _aside = None

    def __exit__(self, *_exception: object) -> None:
        global _aside
        _aside = None
        for change in reversed(self.swapped):  # builtins last
            if change.owner.__dict__.get(change.name) is change.old:  # else somebody has set it since
                put(change.owner, change.name, change.new)


_NOTHING_ASIDE: Final = nullcontext()


def set_aside(namespace: Mapping[str, Any]) -> AbstractContextManager[None]:
    """While it is entered, modules hold what they held at import. Only on the thread that runs the user's code."""
    return _NOTHING_ASIDE if _aside is not None else _SetAside(namespace)


def set_aside_near(namespace: Mapping[str, Any]) -> AbstractContextManager[None] | None:
    """As :func:`set_aside`, if something was replaced that is used whenever a block is looked at, else None. It takes
    some microseconds."""
    return set_aside(namespace) if _of_functions() or imported.has_changed_near() else None


def put_builtins_back() -> list[str]:
    """Have builtins hold for good the functions that the kernel cannot work without; the names of those that were
    replaced. On any thread."""
    found = [change for change in _of_functions() if change.module == "builtins" and change.name not in _HARMLESS]
    for change in found:
        change.owner.__dict__[change.name] = change.old
    return [f"{change.module}.{change.name}" for change in found]


def put_back(namespace: Mapping[str, Any]) -> list[str]:
    """Have modules hold for good what they held at import; the names of what was replaced there."""
    aside = _SetAside(namespace)
    aside.__enter__()
    aside.forget()
    return [f"{change.module}.{change.name}" for change in aside.swapped]


def put(owner: Any, name: str, value: object) -> None:
    """Set ``name`` in a module or class to ``value``; MISSING deletes it."""
    is_class = _isinstance(owner, _type)
    if value is not MISSING:
        (_type.__setattr__ if is_class else _setattr)(owner, name, value)
    elif name in owner.__dict__:
        (_type.__delattr__ if is_class else _delattr)(owner, name)


def _is_to_be_set_aside(change: Change, namespace: Mapping[str, Any]) -> bool:
    """Not what a library keeps in a variable of its own, or has put in the place of something of another library."""
    if change.old is MISSING or isinstance(change.old, PLAIN) or (change.qualname and change.name in _FOR_PICKLE):
        return False
    return change.module.partition(".")[0] in sys.stdlib_module_names or is_of_notebook(change.new, namespace)


# --- what counts ----------------------------------------------------------------------------------------------------


def _is_patch(change: Change, namespace: Mapping[str, Any]) -> bool:
    """A function or class of a library that was replaced or deleted; something of the notebook's that was put into a
    library; and a plain value that was changed. Other values that a library sets in its own modules are its own
    (caches, singletons)."""
    old, new = change.old, change.new
    if isinstance(new, types.ModuleType) or (change.name == "showwarning" and change.module == "warnings"):
        return isinstance(old, types.FunctionType) and not _takes_warnings(new)
    if is_of_notebook(new, namespace):
        return True
    if old is MISSING:
        return False
    if callable(old) or isinstance(old, _DESCRIPTORS):
        return new is MISSING or callable(new) or isinstance(new, (*_DESCRIPTORS, *PLAIN))
    if isinstance(old, _Environ):
        return True
    is_private = change.name.startswith("_") and change.module.partition(".")[0] in sys.stdlib_module_names
    return isinstance(old, PLAIN) and isinstance(new, PLAIN) and not is_private and old != new


def _takes_warnings(function: object) -> bool:
    return function is vars(logging)["_showwarning"] or function is vars(warnings).get("_showwarning_orig")


def is_of_notebook(value: Any, namespace: Mapping[str, Any]) -> bool:
    """Whether something was made in the notebook, or is a mock."""
    if isinstance(value, _DESCRIPTORS):
        value = getattr(value, "__func__", getattr(value, "fget", None))
    if isinstance(value, types.FunctionType):
        return value.__globals__ is namespace or value.__module__ in NOTEBOOK_MODULES
    cls = value if isinstance(value, type) else type(value)
    return cls.__module__ in NOTEBOOK_MODULES or cls.__module__ == "unittest.mock"
