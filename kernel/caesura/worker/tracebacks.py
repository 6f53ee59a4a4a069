"""What users see of errors: none of our frames, and an interrupt under its own name."""

from __future__ import annotations

import asyncio
import functools
import os
import types
from collections.abc import Callable, Collection
from traceback import format_exception
from typing import Any

import caesura
from caesura.snapshot import replaced
from caesura.worker.restored import go_on

_PACKAGE = os.path.join(os.path.dirname(caesura.__file__), "")


def without_frames_of(
    traceback: types.TracebackType | None, codes: Collection[types.CodeType]
) -> types.TracebackType | None:
    """The traceback without the frames that run one of ``codes``. It is changed in place."""
    while traceback is not None and traceback.tb_frame.f_code in codes:
        traceback = traceback.tb_next
    last = traceback
    while last is not None:
        following = last.tb_next
        while following is not None and following.tb_frame.f_code in codes:
            following = following.tb_next
        if following is not last.tb_next:
            last.tb_next = following
        last = following
    return traceback


def interrupted(error: BaseException | None) -> BaseException | None:
    """How the error of a task that was interrupted is shown: its cancellation as KeyboardInterrupt."""
    if isinstance(error, asyncio.CancelledError):
        return KeyboardInterrupt().with_traceback(error.__traceback__)
    return error


def _codes_of_this_package(traceback: types.TracebackType | None) -> list[types.CodeType]:
    codes: list[types.CodeType] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename.startswith(_PACKAGE):
            codes.append(code)
        traceback = traceback.tb_next
    return codes


def show_errors_plainly(shell: Any, is_interrupted: Callable[[], bool]) -> None:
    """Have the shell look at errors through :func:`without_frames_of` and :func:`interrupted`."""
    if "_get_exc_info" not in vars(shell):
        shell._get_exc_info = functools.partial(_exc_info, shell._get_exc_info, is_interrupted)


def _exc_info(original: Callable[[Any], Any], is_interrupted: Callable[[], bool], exc_tuple: Any = None) -> Any:
    kind, error, traceback = original(exc_tuple)
    hidden = [go_on.__code__]
    if isinstance(error, KeyboardInterrupt):  # it is raised in our handler, and perhaps before the cell's code begins
        hidden += _codes_of_this_package(traceback)
    traceback = without_frames_of(traceback, hidden)
    if is_interrupted():
        shown = interrupted(error)
        if shown is not error:
            return original((type(shown), shown, traceback))
    return kind, error, traceback


def what_escaped(error: BaseException, namespace: dict[str, Any], *, _is: Any = isinstance) -> str:
    """What the user is to be told of an error that left the loop. If it is no interrupt or exit, asyncio itself has
    failed: what the notebook has replaced in modules is put back. ``error`` again, if nothing was replaced.
    """
    notice = ""
    if not _is(error, (KeyboardInterrupt, SystemExit)):
        names = replaced.put_back(namespace)
        if not names:
            raise error
        notice = _said(names)
    return "".join((*format_exception(error), notice))


def put_builtins_back() -> str:
    """As :func:`caesura.snapshot.replaced.put_builtins_back`; what the user is to be told, if anything."""
    names = replaced.put_builtins_back()
    return _said(names) if names else ""


def _said(names: list[str]) -> str:
    return f"asyncio cannot run with what was put in the place of {', '.join(names)}: the original is back.\n"
