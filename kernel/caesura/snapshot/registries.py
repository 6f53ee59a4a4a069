"""Lists that the interpreter keeps and does not show: what is called at its end, codecs, error handlers, reducers.

:func:`watch` has to be called once, before any code of a user runs and before the collector is frozen.
"""

from __future__ import annotations

import atexit
import codecs
import copyreg
import encodings
import functools
import gc
import sys
import threading
import types
from collections.abc import Callable
from typing import Any, Final

from caesura.snapshot import imported
from caesura.snapshot.capturing import Capturer
from caesura.snapshot.reducing import NOTEBOOK_MODULES, global_name, is_importable

Ending = tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]

_endings: list[Ending] = []
"""What was registered with :mod:`atexit` in this process since :func:`watch`, oldest first."""
_codec_searches: list[Any] = []
_error_handlers: dict[str, Any] = {}
_first_of_session = 0


def watch() -> None:
    """Find the lists, and see from now on what is registered with :mod:`atexit`, which cannot be asked for it."""
    global _codec_searches, _error_handlers
    if getattr(atexit.register, "__wrapped__", None) is not None:
        return
    for each in gc.get_referrers(encodings.search_function):
        if type(each) is list and encodings.search_function in each:
            _codec_searches = each
    for each in gc.get_referrers(codecs.strict_errors):
        if type(each) is dict and each.get("strict") is codecs.strict_errors:
            _error_handlers = each
    register: Any = atexit.register
    unregister: Any = atexit.unregister

    @functools.wraps(register)
    def noted_register(func: Any, /, *args: Any, **kwargs: Any) -> Any:
        register(func, *args, **kwargs)
        _endings.append((func, args, kwargs))
        return func

    @functools.wraps(unregister)
    def noted_unregister(func: Any, /) -> None:
        unregister(func)
        _endings[:] = [ending for ending in _endings if ending[0] != func]

    atexit.register, atexit.unregister = noted_register, noted_unregister


def _new_ends() -> tuple[Ending, ...] | None:
    endings = _endings[_first_of_session:]
    return tuple(each for each in endings if not _is_of_a_thread(each[0]) and not _is_hidden(each[0])) or None


def _is_of_a_thread(function: object) -> bool:
    """Whether it ends a thread that runs, as tqdm's monitor has it: the next process has no such thread to end."""
    owner = getattr(function, "__self__", None)
    return isinstance(owner, threading.Thread) and owner.is_alive()


def _is_hidden(thing: Any) -> bool:
    """Whether a class or function is one of a library that only the library can reach: what it registers of those, its
    import registers again in the next process."""
    if not isinstance(thing, type | types.FunctionType):
        return False
    return _is_of_a_library(thing) and global_name(thing) is None


def _is_of_a_library(thing: Any) -> bool:
    module = str(getattr(thing, "__module__", ""))
    is_users = module in NOTEBOOK_MODULES or module in imported.sources()
    return not is_users and is_importable(sys.modules.get(module))


def _is_hidden_reducer(cls: type, reduce: object) -> bool:
    """As :func:`_is_hidden`. What an extension module names is not always a module: ``uarray._Function`` is scipy's."""
    is_theirs = isinstance(reduce, types.FunctionType) and _is_of_a_library(reduce)
    return _is_hidden(cls) or (is_theirs and cls.__module__ not in sys.modules)


def begin() -> None:
    """What is registered now is not the user's."""
    global _first_of_session
    _first_of_session = len(_endings)


def _set_ends(saved: tuple[Ending, ...]) -> None:
    """Register again what an import has not registered again."""
    present = [_same_function(ending[0]) for ending in _endings]
    for function, arguments, keywords in saved:
        if _same_function(function) not in present:
            atexit.register(function, *arguments, **keywords)


def _same_function(function: Any) -> object:
    """Equal for a function of a module that was imported here and there."""
    code = getattr(function, "__code__", None)
    return function if code is None or code.co_freevars else (function.__module__, function.__qualname__, code)


def _codecs() -> dict[int, Any]:
    return {id(function): function for function in _codec_searches}


def _set_codecs(saved: dict[int, Any]) -> None:
    for function in saved.values():
        if function not in _codec_searches:
            codecs.register(function)


def _set_error_handlers(saved: dict[str, Any]) -> None:
    for name, handler in saved.items():
        codecs.register_error(name, handler)


def _reducers() -> dict[Any, Any]:
    return {cls: reduce for cls, reduce in list(copyreg.dispatch_table.items()) if not _is_hidden_reducer(cls, reduce)}


def _set_reducers(saved: dict[Any, Any]) -> None:
    copyreg.dispatch_table.update(saved)


CAPTURERS: Final = (
    Capturer("functions called at the end", _new_ends, _set_ends),
    Capturer("codecs", _codecs, _set_codecs, from_new=True),
    Capturer("error handlers of codecs", lambda: dict(_error_handlers), _set_error_handlers, from_new=True),
    Capturer("reducers of copyreg", _reducers, _set_reducers, from_new=True),
)
