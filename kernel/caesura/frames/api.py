"""The functions of this package as others call them: each behind the self-check."""

from __future__ import annotations

import types
from collections.abc import Sequence

from caesura.errors import FramesUnavailable
from caesura.frames import awaitables as _awaitables
from caesura.frames import owner as _owner
from caesura.frames.blank import blank_finished as _blank_finished
from caesura.frames.blank import blank_frame, drop_frame
from caesura.frames.check import verdict
from caesura.frames.fill import fill_frames
from caesura.frames.read import KINDS, read_frame
from caesura.frames.shape import Layout
from caesura.frames.state import Frame, Kind


def unavailable_reason() -> str | None:
    """Why frames cannot be read and written on this interpreter, in words for the user; None if they can.

    The first call proves the layout on a coroutine of its own, which takes about a millisecond.
    """
    found = verdict()
    return None if isinstance(found, Layout) else found


def read(obj: object) -> Frame:
    """The plain state of a coroutine, generator or async generator that does not run at the moment.

    Raises CannotMove, which names the frame and its line, if it runs, and FramesUnavailable.
    """
    return read_frame(_layout(), obj)


def owner_of(frame: types.FrameType) -> object | None:
    """The coroutine, generator or async generator that waits in ``frame``; None if none does (any more)."""
    return _owner.owner_of(_layout(), frame)


def blank(
    frame_kind: Kind,
    code: types.CodeType,
    function: types.FunctionType | None,
    globals: dict[str, object],
    locals: dict[str, object] | None,
    name: str,
    qualname: str,
    closure: tuple[types.CellType, ...] | None,
) -> object:
    """A fresh, never started object that runs ``code``; no code of anybody runs. See :func:`fill`.

    ``closure`` None means that of ``function``. Raises InternalError if code, kind and closure do not fit together.
    An object that will not be filled has to be given to :func:`drop`.
    """
    return blank_frame(_layout(), frame_kind, code, function, globals, locals, name, qualname, closure)


def blank_finished(kind: Kind, name: str, qualname: str) -> object:
    """An object of this kind that has ended."""
    return _blank_finished(_layout(), kind, name, qualname)


def fill(pairs: Sequence[tuple[object, Frame]]) -> None:
    """Give each fresh object its frame's state: all of them, or none and InternalError."""
    fill_frames(_layout(), pairs)


def drop(obj: object) -> None:
    """Mark ``obj`` as ended without running any of its code: no ``finally``, no warning that it was never awaited.

    Takes the three kinds and the helpers of :func:`read_awaitable`; for a helper without a state this does nothing.
    """
    if type(obj) in KINDS:
        drop_frame(_layout(), obj)
    else:
        _layout()
        _awaitables.drop_awaitable(obj)


def read_awaitable(obj: object) -> tuple[str, tuple[object, ...], int] | None:
    """Kind, parts and state of a helper that CPython puts between an await and its target; None if it is none.

    ``coroutine_wrapper`` (coroutine), ``asend`` (generator, value or NULL), ``athrow`` (generator, arguments),
    ``aclose`` (generator), ``anext_awaitable`` (wrapped, default), ``future_iter`` (future, or NULL when done).
    """
    _layout()
    return _awaitables.read_awaitable(obj)


def make_awaitable(kind: str, parts: tuple[object, ...], state: int) -> object:
    """The helper that :func:`read_awaitable` described, around these parts, which may still be blank."""
    return _awaitables.make_awaitable(_layout(), kind, parts, state)


def _layout() -> Layout:
    found = verdict()
    if isinstance(found, Layout):
        return found
    raise FramesUnavailable(f"Suspended frames cannot be moved: {found}.")
