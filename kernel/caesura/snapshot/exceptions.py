"""Exceptions with all that hangs on them, and tracebacks.

Pickle drops ``__traceback__``, ``__cause__`` and ``__context__``. An exception that has been caught must have a
traceback (``except*`` relies on it), and users read it.
"""

from __future__ import annotations

import types
from typing import Any, Final, cast

from caesura.snapshot.reducing import Pickling, Reduced

_NO_PLACE: Final = -1


def reduce_exception(pickler: Pickling, error: BaseException) -> Reduced:
    cls = type(error)
    own = cls.__reduce__ is not _builtin_base(cls).__reduce__ or cls.__reduce_ex__ is not object.__reduce_ex__
    reduced = cast("tuple[Any, ...]", error.__reduce_ex__(5))
    links = (error.__cause__, error.__context__, error.__suppress_context__, error.__traceback__)
    state = reduced[2] if len(reduced) > 2 else None
    if own or cls.__new__ is not _builtin_base(cls).__new__:
        return reduced[0], reduced[1], (state, links), None, None, fill_exception
    return make_exception, (cls, _builtin_base(cls), reduced[1]), (state, links), None, None, fill_exception


def _builtin_base(cls: type) -> Any:
    return next(base for base in cls.__mro__ if base.__module__ == "builtins")


def make_exception(cls: type, base: Any, arguments: tuple[Any, ...]) -> object:
    """Not through ``cls.__init__``: its arguments need not be those that the exception keeps in ``args``."""
    error = base.__new__(cls, *arguments)
    base.__init__(error, *arguments)
    return error


def fill_exception(error: BaseException, state: tuple[Any, tuple[Any, Any, bool, Any]]) -> None:
    own, (cause, context, suppress, trace) = state
    if own:
        cast("Any", error).__setstate__(own)
    error.__cause__ = cause
    error.__context__ = context
    error.__suppress_context__ = suppress
    error.__traceback__ = trace


def reduce_traceback(pickler: Pickling, trace: types.TracebackType) -> Reduced:
    entries: list[tuple[Any, ...]] = []
    entry: types.TracebackType | None = trace
    while entry is not None:
        code = entry.tb_frame.f_code
        module = entry.tb_frame.f_globals.get("__name__")
        place = (code.co_filename, code.co_name, code.co_qualname, code.co_firstlineno, code.co_linetable)
        entries.append((*place, module if isinstance(module, str) else "", entry.tb_lasti, entry.tb_lineno))
        entry = entry.tb_next
    return make_traceback, (entries,)


def make_traceback(entries: list[tuple[Any, ...]]) -> types.TracebackType | None:
    """A traceback of stand-in frames: names, files and lines are those of the frames that were, locals are gone."""
    made: types.TracebackType | None = None
    for filename, name, qualname, first_line, line_table, module, lasti, line in reversed(entries):
        code = _stub.__code__.replace(
            co_filename=filename,
            co_name=name,
            co_qualname=qualname,
            co_firstlineno=first_line,
            co_linetable=line_table,
        )
        # The frame of a generator has no caller: it keeps nothing of this process alive.
        frame = types.FunctionType(code, {"__name__": module, "__builtins__": __builtins__})().gi_frame
        made = types.TracebackType(made, frame, lasti, line)
    return made


def _stub() -> Any:
    yield
