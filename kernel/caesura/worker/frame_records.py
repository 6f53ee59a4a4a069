"""What people see of a suspended cell: its frames, from its statement down to what is awaited, with their variables.

It goes into the snapshot's manifest, as plain texts, and so is gone with the snapshot. What lives here: the way along
the awaits, and the limits. What must not: how a value is put into words (:mod:`caesura.worker.short_text`).
"""

from __future__ import annotations

import asyncio
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from os.path import basename, dirname
from time import monotonic
from typing import Any, Final

from caesura import frames
from caesura.loop.callbacks import GatheringFuture
from caesura.worker.short_text import ShortTexts, type_name

Json = dict[str, Any]

_BUDGET_S: Final = 0.002
"""So long variables are put into words; the others are counted."""

_MOST_FRAMES: Final = 20
_MOST_VARIABLES: Final = 20
_MOST_CHARS: Final = 8000
_LIBRARIES: Final = (f"{dirname(dirname(asyncio.__file__))}/", f"{sys.prefix}/", f"{dirname(frames.__path__[0])}/")
"""Below these is no code of the user: the standard library, what is installed, and this package."""

_NEXT: Final = {
    types.CoroutineType: types.CoroutineType.__dict__["cr_await"].__get__,
    types.GeneratorType: types.GeneratorType.__dict__["gi_yieldfrom"].__get__,
    types.AsyncGeneratorType: types.AsyncGeneratorType.__dict__["ag_await"].__get__,
}


class FrameRecords:
    """``cells`` are the numbers of cells by the names of their code. The coordinator says in the environment of a
    session which names hide a value, ``{"hidden_names": PATTERN}``; without it no variables are recorded."""

    def __init__(
        self, cells: Mapping[str, int], environment: Mapping[str, Any], clock: Callable[[], float] = monotonic
    ) -> None:
        self._cells = cells
        self._clock = clock
        hidden = environment.get("hidden_names")
        self._texts = None if hidden is None else ShortTexts(re.compile(hidden, re.IGNORECASE))

    def of(self, coroutine: object) -> list[Json]:
        """One entry for each frame, outermost first: ``function``, ``cell`` (a number, or None), ``file``, ``line``,
        ``is_library``, ``variables`` (``[name, type, text]``) and ``more`` (how many others it has). A gather is
        ``function`` with ``done`` and ``total``; of what it waits for the first that is not done is followed.

        Nothing of the session changes, and no code of the user runs.
        """
        until = self._clock() + _BUDGET_S
        found: list[Json] = []
        room = _MOST_CHARS
        for each in _along(coroutine):
            entry = self._frame(each, until, room) if type(each) in _NEXT else _gather(each)
            room -= sum(len(text) for variable in entry.get("variables", ()) for text in variable)
            found.append(entry)
            if len(found) == _MOST_FRAMES:
                break
        return found

    def _frame(self, suspended: object, until: float, room: int) -> Json:
        frame = frames.read(suspended)
        code = frame.code
        if code is None:
            return {"function": frame.name, "cell": None, "file": "", "line": 0, "variables": [], "more": 0}
        variables: list[list[str]] = []
        entry: Json = {
            "function": code.co_name,
            "cell": self._cells.get(code.co_filename),
            "file": basename(code.co_filename),
            "line": _line(code, frame.resume),
            "is_library": code.co_filename.startswith(_LIBRARIES),
            "variables": variables,
            "more": 0,
        }
        texts = self._texts
        for name, value in _locals(code, frame.slots) if texts is not None else ():
            if len(variables) == _MOST_VARIABLES or room <= 0 or self._clock() > until:
                entry["more"] += 1
                continue
            assert texts is not None
            variable = [name, type_name(value), texts.of_variable(name, value)]
            room -= sum(map(len, variable))
            variables.append(variable)
        return entry


def rehearse() -> None:
    """The first time in a forked process is slow: each page that is touched has to be copied."""

    async def waits(value: object) -> None:
        await _once()

    coroutine = waits([{"name": "text", "number": 1.5}])
    coroutine.send(None)
    FrameRecords({}, {"hidden_names": "password"}).of(coroutine)
    coroutine.close()


@types.coroutine
def _once() -> Iterator[None]:
    yield


def _along(start: object) -> Iterator[object]:
    """Each frame, and each gather, on the way of the awaits."""
    current, seen = start, set[int]()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        kind = type(current)
        follow = _NEXT.get(kind)
        if follow is not None:
            yield current
            current = follow(current)
        elif kind is GatheringFuture:
            yield current
            current = next((each for each in _children(current) if not _is_done(each)), None)
        elif issubclass(kind, asyncio.Task):
            current = asyncio.Task.get_coro(current)  # type: ignore[arg-type]
        else:
            helper = frames.read_awaitable(current)
            current = None if helper is None else helper[1][0]


def _gather(gathering: object) -> Json:
    children = _children(gathering)
    return {"function": "gather", "done": sum(map(_is_done, children)), "total": len(children)}


def _children(gathering: Any) -> list[object]:
    return list(gathering._children)


def _is_done(future: object) -> bool:
    return issubclass(type(future), asyncio.Future) and asyncio.Future.done(future)  # type: ignore[arg-type]


def _line(code: types.CodeType, resume: int) -> int:
    """The line of the await: what stands before the offset at which it goes on."""
    at = max(0, resume - 2)
    return next((line for begin, end, line in code.co_lines() if begin <= at < end and line), code.co_firstlineno)


def _locals(code: types.CodeType, slots: list[object]) -> Iterator[tuple[str, object]]:
    """The variables that have a value; no temporary ones of the compiler's."""
    arguments = set(code.co_varnames)
    names = [*code.co_varnames, *(name for name in code.co_cellvars if name not in arguments), *code.co_freevars]
    in_cells = {*code.co_cellvars, *code.co_freevars}
    for name, value in zip(names, slots, strict=False):
        if value is frames.NULL or name.startswith(".") or name == "__class__":
            continue
        if name in in_cells and type(value) is types.CellType:
            try:
                yield name, value.cell_contents
            except ValueError:
                continue  # an empty one
        else:
            yield name, value
