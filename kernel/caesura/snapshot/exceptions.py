"""Exceptions with all that hangs on them, and tracebacks.

Pickle drops ``__traceback__``, ``__cause__`` and ``__context__``. An exception that has been caught must have a
traceback (``except*`` relies on it), and users read it.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import types
from typing import Any, Final, cast

from caesura import frames
from caesura.snapshot.reducing import Pickling, Reduced

_LONG_FORM: Final = 14
_NO_COLUMNS: Final = 13
_LONGEST_ENTRY: Final = 8

_COMPLETE_WHEN_MADE: Final = (OSError, BaseExceptionGroup)
"""Exceptions whose ``__new__`` looks at the arguments."""

_FRAMES: Final = ("cr_frame", "gi_frame", "ag_frame")


class _NotKept:
    """What stands for the value of a variable of a frame that had ended before a move."""

    def __repr__(self) -> str:
        return "<not kept>"

    def __reduce__(self) -> str:
        return "NOT_KEPT"


NOT_KEPT: Final = _NotKept()


def reduce_exception(pickler: Pickling, error: BaseException) -> Reduced:
    cls = type(error)
    own = cls.__reduce__ is not _builtin_base(cls).__reduce__ or cls.__reduce_ex__ is not object.__reduce_ex__
    reduced = cast("tuple[Any, ...]", error.__reduce_ex__(5))
    members = {name: getattr(error, name) for name in _members(cast("Any", cls))}
    links = (error.__cause__, error.__context__, error.__suppress_context__, error.__traceback__, members)
    state = reduced[2] if len(reduced) > 2 else None
    if own or cls.__new__ is not _builtin_base(cls).__new__:
        return reduced[0], reduced[1], (state, links), None, None, fill_exception
    if issubclass(cls, _COMPLETE_WHEN_MADE):
        return make_exception, (cls, _builtin_base(cls), reduced[1]), (state, links), None, None, fill_exception
    # What it holds may lead back to it.
    return make_empty_exception, (cls,), (reduced[1], state, links), None, None, fill_empty_exception


@functools.cache
def _members(cls: type) -> tuple[str, ...]:
    """What the builtin classes above keep beside ``args``, and what pickle forgets in part: ``name``, ``obj``, ..."""
    set_once = (BaseException, BaseExceptionGroup)
    bases = [base for base in cls.__mro__ if base.__module__ == "builtins" and base not in set_once]
    return tuple(
        name
        for base in bases
        for name, member in base.__dict__.items()
        if isinstance(member, types.MemberDescriptorType)
    )


def _builtin_base(cls: type) -> Any:
    return next(base for base in cls.__mro__ if base.__module__ == "builtins")


def make_exception(cls: type, base: Any, arguments: tuple[Any, ...]) -> object:
    """Not through ``cls.__init__``: its arguments need not be those that the exception keeps in ``args``."""
    error = base.__new__(cls, *arguments)
    base.__init__(error, *arguments)
    return error


def make_empty_exception(cls: type) -> object:
    error: object = _builtin_base(cls).__new__(cls)
    return error


def fill_empty_exception(error: BaseException, state: tuple[tuple[Any, ...], Any, Any]) -> None:
    _builtin_base(type(error)).__init__(error, *state[0])
    fill_exception(error, state[1:])


def fill_exception(error: BaseException, state: tuple[Any, tuple[Any, Any, bool, Any, dict[str, Any]]]) -> None:
    own, (cause, context, suppress, trace, members) = state
    if own:
        cast("Any", error).__setstate__(own)
    error.__cause__ = cause
    error.__context__ = context
    error.__suppress_context__ = suppress
    error.__traceback__ = trace
    for name, value in members.items():
        if getattr(error, name) is not value:
            setattr(error, name, value)


def reduce_traceback(pickler: Pickling, trace: types.TracebackType) -> Reduced:
    entries: list[tuple[Any, ...]] = []
    entry: types.TracebackType | None = trace
    while entry is not None:
        entries.append((entry.tb_lasti, entry.tb_lineno, *_frame_of(entry)))
        entry = entry.tb_next
    return make_traceback, (entries,)


def _frame_of(entry: types.TracebackType) -> tuple[object, ...]:
    """What waits in the frame, or else what a stand-in for it needs."""
    frame = entry.tb_frame
    owner = frames.owner_of(frame) if frames.unavailable_reason() is None else None
    if owner is not None:
        return (owner,)
    code = frame.f_code
    module = frame.f_globals.get("__name__")
    place = (code.co_filename, code.co_name, code.co_qualname, code.co_firstlineno)
    variadic = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, variadic)
    arguments = (*counts, code.co_varnames[: sum(counts[::2]) + variadic.bit_count()])
    return place, module if isinstance(module, str) else "", arguments, _columns(code, entry.tb_lasti, entry.tb_lineno)


def _columns(code: types.CodeType, lasti: int, line: int) -> tuple[int, int, int] | None:
    """(last line, first column, last column) of the instruction, for the marks under its source; None if not known."""
    found = next(itertools.islice(code.co_positions(), lasti // 2, None), None) if lasti >= 0 else None
    if found is None or found[0] != line:
        return None
    _, end_line, column, end_column = found
    if end_line is None or column is None or end_column is None or end_line < line:
        return None
    return end_line, column, end_column


def make_traceback(entries: list[tuple[Any, ...]]) -> types.TracebackType | None:
    """The traceback, with the frames of what still waits.

    A frame that had ended gets a stand-in: names, files, lines and the names of its arguments are those of the frame
    that was, the values of its variables are gone.
    """
    made: types.TracebackType | None = None
    for lasti, line, *described in reversed(entries):
        made = types.TracebackType(made, _shown(lasti, line, *described), lasti, line)
    return made


def _shown(lasti: int, line: int, what: Any, *of_stand_in: Any) -> types.FrameType:
    if not of_stand_in:
        shown: types.FrameType = next(frame for name in _FRAMES if (frame := getattr(what, name, None)) is not None)
        return shown
    return _stand_in(lasti, line, what, *of_stand_in)


def _stand_in(
    lasti: int, line: int, place: tuple[str, str, str, int], module: str, arguments: Any, columns: Any
) -> types.FrameType:
    """IPython shows the line at which a frame is, not the one of the traceback. A stand-in has not begun to run, so all
    of its code has the place of the instruction in question.
    """
    filename, name, qualname, first_line = place
    count, positional_only, keyword_only, variadic, names = arguments
    code = _stub.__code__.replace(
        co_filename=filename,
        co_name=name,
        co_qualname=qualname,
        co_firstlineno=first_line,
        co_argcount=count,
        co_posonlyargcount=positional_only,
        co_kwonlyargcount=keyword_only,
        co_varnames=names,
        co_nlocals=len(names),
        co_flags=_stub.__code__.co_flags | variadic,
        co_linetable=_line_table(max(lasti // 2 + 1, _STUB_UNITS), line - first_line, line, columns),
    )
    function = types.FunctionType(code, {"__name__": module, "__builtins__": __builtins__})
    keywords = names[count : count + keyword_only]
    # The frame of a generator has no caller: it keeps nothing of this process alive.
    frame: types.FrameType = function(*[NOT_KEPT] * count, **dict.fromkeys(keywords, NOT_KEPT)).gi_frame
    return frame


def _line_table(units: int, delta: int, line: int, columns: tuple[int, int, int] | None) -> bytes:
    """The location table (CPython, Objects/locations.md) of code whose ``units`` instructions are at one place,
    ``delta`` lines below the first line of the function."""
    table = bytearray()
    while units > 0:
        count = min(units, _LONGEST_ENTRY)
        table.append(0x80 | (_NO_COLUMNS if columns is None else _LONG_FORM) << 3 | (count - 1))
        table += _number(delta << 1 if delta >= 0 else -delta << 1 | 1)
        if columns is not None:
            end_line, column, end_column = columns
            table += _number(end_line - line) + _number(column + 1) + _number(end_column + 1)
        units, delta = units - count, 0
    return bytes(table)


def _number(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x40:
        parts.append(value & 0x3F | 0x40)
        value >>= 6
    parts.append(value)
    return bytes(parts)


def _stub() -> Any:
    yield


_STUB_UNITS: Final = len(_stub.__code__.co_code) // 2
