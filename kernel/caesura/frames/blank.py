"""Making fresh objects for :mod:`caesura.frames.fill` to fill, and making them harmless again.

Nothing here runs code of the user: an object is created in front of its first instruction and stays there.
"""

from __future__ import annotations

import contextlib
import ctypes
import types
from collections.abc import Mapping
from typing import Any, Final

from caesura.errors import InternalError
from caesura.frames.awaitables import without_hooks
from caesura.frames.bytecode import entry_offset, kind_of
from caesura.frames.capi import bind
from caesura.frames.read import header, kind_of_object, status_of
from caesura.frames.shape import Layout
from caesura.frames.state import CO_NEWLOCALS, CO_OPTIMIZED, FrameState, Kind

# eval() would put __builtins__ into a namespace that has none yet; the function below does not.
_eval_code: Final = bind("PyEval_EvalCode", 3, ctypes.py_object)


def blank_frame(
    layout: Layout,
    kind: Kind,
    code: types.CodeType,
    function: types.FunctionType | None,
    globals: dict[str, object],
    locals: dict[str, object] | None,
    name: str,
    qualname: str,
    closure: tuple[types.CellType, ...] | None,
) -> object:
    """A fresh object of ``kind`` that runs ``code`` and was never started, with every argument None.

    The frame belongs to ``function`` afterwards where that has the same globals and builtins (its code may be another
    one), else to a function made here. Module-level code (``locals`` given) belongs to its namespace.
    Raises InternalError if the code does not give this kind, or the closure does not fit it.
    """
    if kind_of(code) != kind or entry_offset(code) is None:
        raise InternalError(f"The code of {qualname} does not make a {kind}.")
    if not code.co_flags & (CO_OPTIMIZED | CO_NEWLOCALS):
        if locals is None or code.co_freevars:
            raise InternalError(f"The module-level code of {qualname} needs a namespace and no free variables.")
        made: Any = _eval_code(code, globals, locals)
    else:
        cells = closure if closure is not None else (function.__closure__ if function is not None else None)
        if len(cells or ()) != len(code.co_freevars):
            raise InternalError(
                f"{qualname} has {len(code.co_freevars)} free variables, its closure {len(cells or ())} cells."
            )
        own = types.FunctionType(code, globals, name, None, cells)
        keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        made = own(*[None] * code.co_argcount, **dict.fromkeys(keywords))
        if function is not None and function.__globals__ is globals and builtins_of(function) is builtins_of(own):
            _give_to(layout, made, own, function)
    made.__name__ = name
    made.__qualname__ = qualname
    return made


def blank_finished(layout: Layout, kind: Kind, name: str, qualname: str) -> object:
    """An object of ``kind`` that has ended: no code of it is left to run."""
    made: Any = _TEMPLATES[kind]()
    if kind == "async_generator":
        with without_hooks(), contextlib.suppress(StopAsyncIteration):
            made.__anext__().send(None)
    else:
        made.close()
    made.__name__ = name
    made.__qualname__ = qualname
    return made


def drop_frame(layout: Layout, obj: object) -> None:
    """Mark ``obj`` as ended without running any of its code, so that its destruction is silent.

    What its frame holds is let go when ``obj`` itself goes. Raises CannotMove if ``obj`` is none of the three types,
    InternalError if it runs at the moment.
    """
    kind_of_object(obj)
    status = status_of(layout, obj)
    if status is None:
        raise InternalError("A running frame cannot be dropped.")
    if status is not FrameState.FINISHED:
        # The state between "returned" and "cleared": CPython's finaliser passes it by, its deallocator clears
        # the frame.
        ctypes.c_int8.from_address(id(obj) + layout.frame_state).value = layout.finished


def is_fresh(layout: Layout, obj: object) -> bool:
    """Whether ``obj`` was created and never started."""
    return header(layout, obj)[4] == layout.created


def builtins_of(function: Any) -> object:
    """The builtins of a function: an attribute that typeshed does not know."""
    return function.__builtins__


def _give_to(layout: Layout, made: object, own: types.FunctionType, function: types.FunctionType) -> None:
    """Let the frame of ``made`` belong to ``function``; its borrowed globals and builtins stay alive through that."""
    layout.slots.own([function])
    word = layout.slots.pack([function])
    address = id(made) + layout.frame + layout.function
    ctypes.memmove(address, word, len(word))
    layout.slots.release([own])


async def _coroutine() -> None:
    return


def _generator() -> Any:
    return
    yield


async def _async_generator() -> Any:
    return
    yield


_TEMPLATES: Final[Mapping[Kind, Any]] = {
    "coroutine": _coroutine,
    "generator": _generator,
    "async_generator": _async_generator,
}
