"""What in a session cannot be saved, in words: found by trying pieces after a save has failed.

Suspended frames, tasks and futures are looked at one by one, so that what a frame holds is named as its local and not
by the way from some variable through the event loop.
"""

from __future__ import annotations

import dis
import functools
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import Any, Final

from caesura.errors import CannotMove, HomeUnusable, SaveAborted
from caesura.frames import Frame, slot_names
from caesura.model import Obstacle
from caesura.snapshot import beside, interpreter, loop_state
from caesura.snapshot.pickler import ObjectPickler, Stream
from caesura.snapshot.quiet import quiet
from caesura.snapshot.reducing import Phase
from caesura.snapshot.seeds import Anchors, Seeds, collect
from caesura.snapshot.suspended import frame_of
from caesura.snapshot.unmovable import kind_name, remedy_of_last_resort

SEARCH_S: Final = 2.0
"""How long may be spent on finding a name."""

_DEEPEST: Final = 30
_NESTED: Final = "Make it flatter, for instance a list of its parts, or drop it before the await."

Trial = Callable[[object], None]
"""Raises if the object cannot be pickled."""

_Found = tuple[str, object, BaseException]
"""(how it is reached, an object, why it cannot be pickled)"""


def explain(error: BaseException, root: Mapping[str, Any], anchors: Anchors) -> Obstacle:
    """What made a save of ``root`` fail with ``error``: the thing, how the user reaches it, and what can be done."""
    if isinstance(error, CannotMove) and error.path:
        return _obstacle(error, error.path, None)
    if isinstance(error, HomeUnusable):  # it is not the session
        return Obstacle("the store", detail=str(error))
    namespace: dict[str, Any] = root["namespace"]
    loop = anchors.by_name.get("loop")
    seeds = collect(Anchors({**anchors.by_name, "namespace": namespace}), namespace)
    cells = getattr(anchors.by_name.get("compile"), "_filename_map", {})  # IPython: file name → number of the cell
    return _Search(seeds, loop, cells).run(error, root)


def locate(error: BaseException, value: object, trial: Trial) -> Obstacle:
    """What in ``value`` makes ``trial`` raise ``error``; the path begins at ``value``."""
    deadline = monotonic() + SEARCH_S
    path, found, reason = _descend("", value, error, trial, deadline)
    return _obstacle(reason, path.replace(" → ", ""), found)


def locate_within(
    name: str, value: object, error: BaseException, trial: Trial, end: float, clock: Callable[[], float]
) -> Obstacle:
    """As :func:`locate`, for a variable, and only until ``clock()`` is ``end``: the way may end before the thing."""
    path, found, reason = _descend(name, value, error, trial, end, clock)
    return _obstacle(reason, path, found)


class _Probe(ObjectPickler):
    """Writes one object into nothing and notes what would be written later."""

    def __init__(self, seeds: Seeds, loop: object, deadline: float) -> None:
        super().__init__(Stream(lambda: monotonic() > deadline), loop=loop, seeds=seeds)
        self.noted: list[tuple[Phase, object, Any]] = []

    def later(self, phase: Phase, obj: object, state: object) -> None:
        self.noted.append((phase, obj, state))


class _Search:
    def __init__(self, seeds: Seeds, loop: object, cells: Mapping[str, int]) -> None:
        self._seeds = seeds
        self._cells = cells
        self._loop = loop
        self._deadline = monotonic() + SEARCH_S
        self._noted: deque[tuple[Phase, object, Any]] = deque()
        self._seen: set[int] = set()

    def run(self, error: BaseException, root: Mapping[str, Any]) -> Obstacle:
        pieces = [(name, value) for name, value in root["namespace"].items()]
        pieces += [(key, value) for key, value in root.items() if key != "namespace"]
        pieces += beside.pieces(root["namespace"])
        pieces += [] if self._loop is None else loop_state.pieces(self._loop)
        pieces.append((interpreter.PLACE, interpreter.capture(early=False)))
        for label, value in pieces:
            found = self._look(label, value)
            if found is not None:
                return found
        while self._noted and monotonic() < self._deadline:
            phase, _, state = self._noted.popleft()
            for label, value in self._parts(phase, state):
                found = self._look(label, value)
                if found is not None:
                    return found
        return _obstacle(error, "", None)

    def _look(self, label: str, value: object) -> Obstacle | None:
        try:
            self._try(value)
        except SaveAborted:
            return None  # there is no time left to find out
        except Exception as error:  # noqa: BLE001  any error is what is looked for
            path, found, reason = _descend(label, value, error, self._try, self._deadline)
            return _obstacle(reason, path, found)
        return None

    def _try(self, value: object) -> None:
        probe = _Probe(self._seeds, self._loop, self._deadline)
        try:
            with quiet():
                probe.dump(value)
        finally:
            for entry in probe.noted:
                if id(entry[1]) not in self._seen:
                    self._seen.add(id(entry[1]))
                    self._noted.append(entry)

    def _parts(self, phase: Phase, state: Any) -> Iterator[tuple[str, object]]:
        """The pieces of a state that was put off, as the user would call them."""
        if phase == "frame":
            frame = frame_of(state)
            place = self._place(frame)
            for name, value in zip(slot_names(frame), frame.slots, strict=True):
                yield f"{name} of {place}", value
            yield f"exception handled in {place}", frame.exc
            yield f"function of {place}", frame.function
            yield f"namespace of {place}", frame.locals
        elif phase in ("future", "task"):
            owner = f"task {state['name']}" if phase == "task" else "a future"
            for name, value in state.items():
                yield f"{name} of {owner}", value
        elif phase == "context":
            for variable, value in state[0]:
                yield f"context variable {variable.name}", variable
                yield f"value of context variable {variable.name}", value
        elif phase == "handle":
            yield "function called by a timer", state[0]
            yield "arguments of a timer", state[1]
            yield "context of a timer", state[2]
        else:
            yield "a container that is being iterated over" if phase == "iterator" else "a finalizer", state

    def _place(self, frame: Frame) -> str:
        """``fetch() at cell 3, line 4``."""
        code = frame.code
        if code is None:
            return f"{frame.qualname}()"
        line = code.co_firstlineno
        for start, number in dis.findlinestarts(code):
            if start <= frame.resume and number is not None:
                line = number
        name = code.co_filename.rpartition("/")[2].strip("<>")
        if code.co_filename in self._cells:
            name = f"cell {self._cells[code.co_filename]}"
        return f"{frame.qualname}() at {name}, line {line}"


def _obstacle(error: BaseException, path: str, value: object) -> Obstacle:
    if isinstance(error, CannotMove) and error.kind != "something in this session":
        return Obstacle(error.kind, error.path or path, "", error.remedy)
    if isinstance(error, RecursionError):
        return Obstacle("data that is nested too deeply", path, "", _NESTED)
    reason = f"{type(error).__name__}: {error}"
    if value is None:
        return Obstacle("session", path, reason, error.remedy if isinstance(error, CannotMove) else "")
    return Obstacle(kind_name(type(value)), path, reason, remedy_of_last_resort(value))


def _descend(
    path: str,
    value: object,
    error: BaseException,
    trial: Trial,
    deadline: float,
    clock: Callable[[], float] = monotonic,
) -> _Found:
    """The innermost part of ``value`` that fails, how to reach it, and its error.

    The way does not turn round: a part that fails only because it leads back is left for the next one.
    """
    way: list[_Found] = [(path, value, error)]
    furthest = way
    passed = {id(value)}
    for _ in range(_DEEPEST):
        if isinstance(way[-1][2], RecursionError):
            break
        inner, leads_back = _failing_part(way[-1], passed, trial, deadline, clock)
        if inner is not None:
            way = [*way, inner]
            passed.add(id(inner[1]))
            furthest = way if len(way) > len(furthest) else furthest
        elif leads_back and len(way) > 1:
            way = way[:-1]
        else:
            break
    return way[-1] if len(way) > 1 else furthest[-1]


def _failing_part(
    outer: _Found, passed: set[int], trial: Trial, deadline: float, clock: Callable[[], float]
) -> tuple[_Found | None, bool]:
    """The first part that fails and was not passed yet; without one, whether one was passed that fails."""
    path, value, error = outer
    leads_back = False
    for suffix, child in children(value):
        if clock() > deadline:
            break
        if id(child) in passed:
            leads_back = True
            continue
        try:
            trial(child)
        except SaveAborted:
            break
        except Exception as inner:  # noqa: BLE001  any error is what is looked for
            if isinstance(error, CannotMove) and str(inner) != str(error):
                continue  # it is refused itself: its parts do not matter
            return (joined(path, suffix), child, inner), False
    return None, leads_back


def joined(path: str, suffix: str) -> str:
    """``loader → ._conn``; what only says which part of the same thing is meant stays beside it."""
    if not path:
        return suffix.removeprefix(".")
    return f"{path} → {suffix}" if suffix.startswith((".", "[")) else f"{path}{suffix}"


def children(value: Any) -> Iterator[tuple[str, object]]:
    """What ``value`` is made of, with the text that leads from it to each part."""
    if isinstance(value, dict):
        yield from ((f"[{_short(key)}]", each) for key, each in list(value.items()))
        yield from ((f" (key {_short(key)})", key) for key in list(value))
    elif isinstance(value, list | tuple | deque):
        yield from ((f"[{index}]", each) for index, each in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from ((f" (element {_short(each)})", each) for each in value)
    elif isinstance(value, types.FunctionType):
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            yield f" (its variable {name})", cell
        yield " (its defaults)", (value.__defaults__, value.__kwdefaults__)
        yield " (its attributes)", value.__dict__
    elif isinstance(value, types.CellType):
        yield from (("", contents) for contents in _contents(value))
    elif isinstance(value, types.MethodType):
        yield ".__self__", value.__self__
    elif isinstance(value, functools.partial):
        yield from ((f".{name}", getattr(value, name)) for name in ("func", "args", "keywords"))
    elif isinstance(value, BaseException):
        yield from ((f".{name}", getattr(value, name)) for name in ("args", "__dict__", "__cause__", "__context__"))
    else:
        yield from _attributes(value)


def _contents(cell: types.CellType) -> Iterator[object]:
    try:
        yield cell.cell_contents
    except ValueError:
        return


def _attributes(value: Any) -> Iterator[tuple[str, object]]:
    own = getattr(value, "__dict__", None)
    if isinstance(own, dict | types.MappingProxyType):
        for name, each in list(own.items()):
            if not isinstance(each, types.GetSetDescriptorType | types.MemberDescriptorType):
                yield f".{name}", each
    for cls in type(value).__mro__:
        names = cls.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if hasattr(value, name):
                yield f".{name}", getattr(value, name)


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float | bytes | bool) else type(value).__qualname__
    return text if len(text) <= 40 else f"{text[:37]}..."
