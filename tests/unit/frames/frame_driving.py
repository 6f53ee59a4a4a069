"""Running coroutines by hand, and what came of it in a form that can be compared."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

Construct = Callable[[list[object]], Coroutine[Any, Any, object]]


@types.coroutine
def ask(value: object) -> Generator[object, object, object]:
    """Suspends; :func:`finish` answers with the value itself, and throws it if it is an exception."""
    return (yield value)


@dataclasses.dataclass
class Outcome:
    """How a run ended."""

    result: object
    error: object
    lines: list[int]
    log: list[object]


def step(coroutine: Any, answer: object) -> object:
    """Send the answer, or throw it."""
    if isinstance(answer, BaseException):
        return coroutine.throw(answer)
    return coroutine.send(answer)


def finish(coroutine: Any, answer: object, log: list[object]) -> Outcome:
    """Run to the end."""
    try:
        while True:
            answer = step(coroutine, answer)
    except StopIteration as stop:
        return Outcome(stop.value, None, [], log)
    except Exception as error:
        return ended_by(error, log)


def ended_by(error: Exception, log: list[object]) -> Outcome:
    return Outcome(None, chain(error), lines_of(error)[2:], log)


def lines_of(error: BaseException) -> list[int]:
    """The lines of the traceback, from the outermost in."""
    lines = []
    entry = error.__traceback__
    while entry is not None:
        lines.append(entry.tb_lineno)
        entry = entry.tb_next
    return lines


def chain(error: BaseException | None) -> object:
    """Type, arguments, members and notes of an exception, and of those it is linked to."""
    if error is None:
        return None
    members = [chain(member) for member in error.exceptions] if isinstance(error, BaseExceptionGroup) else []
    return (
        type(error).__name__,
        [] if members else [str(argument) for argument in error.args],
        members,
        getattr(error, "__notes__", []),
        chain(error.__cause__),
        chain(error.__context__),
        error.__suppress_context__,
        error.__traceback__ is not None,
    )
