"""What the reducers of this package share.

What lives here: the interface of the pickler as reducers see it, and the question whether something can be found again
under its name. What must not: reducers.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys
import types
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

log = logging.getLogger(__name__)

Reduced = Any
"""What ``reducer_override`` returns: a tuple, the name of a global, or NotImplemented."""

Phase = Literal[
    "context", "frame", "future", "task", "handle", "finalize", "iterator", "set", "globals", "cache", "temporary"
]
"""Kinds of objects whose state is written behind everything else and set in the last step of a load."""

NOTEBOOK_MODULES: Final = frozenset({"__main__", "__mp_main__"})
"""Modules whose contents differ from process to process: never by reference."""


class Pickling(Protocol):
    """The pickler, as reducers see it."""

    loop: Any
    stand_ins: dict[int, Any]
    """What is written in the place of an object, by its id: the same one each time."""

    memory: Any
    """A :class:`caesura.snapshot.shared_memory.SharedMemory`."""

    def later(self, phase: Phase, obj: object, state: object) -> None:
        """Write ``state`` behind everything that is being written; it is set in the last step of the load."""

    def globals_of(self, function_globals: dict[str, Any], code: types.CodeType) -> object:
        """What stands for the globals of a function or frame with this code."""

    def token_of(self, cls: type) -> str:
        """The name under which a class by value is known across processes."""


Reducer = Callable[[Any, Any], Reduced]
"""Called with the pickler (:class:`Pickling`) and the object."""


def is_a(value: object, cls: type | tuple[type, ...]) -> bool:
    """As ``isinstance``, by the type alone: an object of the user's may lie about its class, or fail when asked for it,
    as a weak proxy does whose object is gone."""
    return issubclass(type(value), cls)


def find_global(module: str, qualname: str) -> object:
    """The object of this name in a module that is loaded, or None."""
    found: object = sys.modules.get(module)
    for name in qualname.split("."):
        if found is None:
            return None
        found = getattr(found, name, None)
    return found


def global_name(obj: Any) -> tuple[str, str] | None:
    """Module and qualified name of a class or function by which another process can import it, or None."""
    module = getattr(obj, "__module__", None)
    qualname = getattr(obj, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str):
        return None
    if module in NOTEBOOK_MODULES or not (is_importable(sys.modules.get(module)) or _is_part(module)):
        return None
    if "<locals>" in qualname:
        # What a module made with a function of its own, as asyncio.eager_task_factory.
        name = next((name for name, value in vars(sys.modules[module]).items() if value is obj), None)
        return None if name is None else (module, name)
    found = find_global(module, qualname)
    if found is obj:
        return module, qualname
    if isinstance(obj, types.FunctionType) and isinstance(found, types.FunctionType) and found.__code__ is obj.__code__:
        return module, qualname
    return None


@functools.cache
def _is_part(module: str) -> bool:
    """Whether a package that is loaded has a module of this name that is not loaded yet. It is from now on.

    ``numpy.recarray`` calls itself ``numpy.rec.recarray``, and numpy 2.5 loads ``numpy.rec`` when it is first used.
    """
    package = module.rpartition(".")[0]
    if module in sys.modules or not is_importable(sys.modules.get(package)):
        return False
    try:
        return is_importable(importlib.import_module(module))
    except Exception as error:  # noqa: BLE001  # a package's own: what needs it is looked at by value
        log.info("%s could not be imported: %r", module, error)
        return False


def is_importable(module: object) -> bool:
    """Whether a module came from an import, rather than being made at run time."""
    return isinstance(module, types.ModuleType) and getattr(module, "__spec__", None) is not None
