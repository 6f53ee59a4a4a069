"""What users see of errors: none of our frames, and an interrupt under its own name."""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import Callable, Collection
from typing import Any

from caesura.worker.restored import go_on


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


def show_errors_plainly(shell: Any, is_interrupted: Callable[[], bool]) -> None:
    """Have the shell look at errors through :func:`without_frames_of` and :func:`interrupted`."""
    if "_get_exc_info" not in vars(shell):
        shell._get_exc_info = functools.partial(_exc_info, shell._get_exc_info, is_interrupted)


def _exc_info(original: Callable[[Any], Any], is_interrupted: Callable[[], bool], exc_tuple: Any = None) -> Any:
    kind, error, traceback = original(exc_tuple)
    traceback = without_frames_of(traceback, (go_on.__code__,))
    if is_interrupted():
        shown = interrupted(error)
        if shown is not error:
            return original((type(shown), shown, traceback))
    return kind, error, traceback
