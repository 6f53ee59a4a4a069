"""A small pickler that carries frames, enough for these tests.

Code and nested functions travel by value, importable functions by reference, the dicts of modules by name. Frames
are pickled as empty objects; their states follow one after the other, so that a deep chain needs no deep stack.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import marshal
import pickle
import sys
import types
from typing import Any

from caesura import frames

GENERATORS = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)


class Carrier(pickle.Pickler):
    """Collects every frame that it meets in ``met``, every helper in ``helpers``."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, 5)
        self.met: list[tuple[object, frames.Frame]] = []
        self.helpers: list[object] = []

    def persistent_id(self, obj: object) -> object:
        if type(obj) is dict and isinstance(name := obj.get("__name__"), str):
            module = sys.modules.get(name)
            if module is not None and module.__dict__ is obj:
                return ("module dict", name)
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, GENERATORS):
            return self._frame(obj)
        if isinstance(obj, types.FunctionType) and _imported(obj) is not obj:
            return _make_function, (obj.__code__, obj.__globals__, obj.__name__, obj.__closure__), _function_state(obj)
        if isinstance(obj, types.CodeType):
            return marshal.loads, (marshal.dumps(obj),)
        if isinstance(obj, types.ModuleType):
            return importlib.import_module, (obj.__name__,)
        if isinstance(obj, types.CellType):
            return _make_cell, (), (_contents(obj),), None, None, _set_cell
        if isinstance(obj, types.TracebackType):
            return _make_traceback, (obj.tb_next, obj.tb_lasti, obj.tb_lineno)
        if isinstance(obj, BaseException):
            reduced = obj.__reduce_ex__(5)
            links = (obj.__cause__, obj.__context__, obj.__suppress_context__, obj.__traceback__)
            state = (links, reduced[2] if len(reduced) > 2 else None)
            return reduced[0], reduced[1], state, None, None, _set_exception
        helper = frames.read_awaitable(obj)
        if helper is not None:
            self.helpers.append(obj)
            return frames.make_awaitable, helper
        return NotImplemented

    def _frame(self, obj: object) -> Any:
        frame = frames.read(obj)
        self.met.append((obj, frame))
        if frame.status is frames.FrameState.FINISHED:
            return frames.blank_finished, (frame.kind, frame.name, frame.qualname)
        closure = frame.function.__closure__ if frame.function is not None else None
        return frames.blank, (
            frame.kind,
            frame.code,
            frame.function,
            frame.globals,
            frame.locals,
            frame.name,
            frame.qualname,
            closure,
        )


class Unpacker(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> object:
        return importlib.import_module(pid[1]).__dict__


def pack(root: object) -> tuple[bytes, list[object]]:
    """``root`` as bytes, and all objects in it that can be dropped."""
    file = io.BytesIO()
    carrier = Carrier(file)
    carrier.dump(root)
    done = 0
    while done < len(carrier.met):
        obj, frame = carrier.met[done]
        carrier.dump((obj, {field.name: getattr(frame, field.name) for field in dataclasses.fields(frame)}))
        done += 1
    return file.getvalue(), [*(obj for obj, _ in carrier.met), *carrier.helpers]


def unpack(data: bytes) -> Any:
    """What :func:`pack` was given, with every frame filled."""
    file = io.BytesIO(data)
    unpacker = Unpacker(file)
    root = unpacker.load()
    pairs = []
    while file.tell() < len(data):
        obj, fields = unpacker.load()
        pairs.append((obj, frames.Frame(**fields)))
    frames.fill(pairs)
    return root


def move(root: object) -> Any:
    """``root`` after a journey through bytes; the frames of the original are dropped and run no more."""
    data, objects = pack(root)
    for obj in objects:
        frames.drop(obj)
    return unpack(data)


def _imported(function: types.FunctionType) -> object:
    found: Any = sys.modules.get(function.__module__ or "")
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found


def _make_function(
    code: types.CodeType,
    namespace: dict[str, object],
    name: str,
    closure: tuple[types.CellType, ...] | None,
) -> types.FunctionType:
    return types.FunctionType(code, namespace, name, None, closure)


def _function_state(function: types.FunctionType) -> tuple[None, dict[str, object]]:
    names = ("__qualname__", "__defaults__", "__kwdefaults__", "__module__", "__dict__")
    return None, {name: getattr(function, name) for name in names}


_EMPTY = "empty cell"


def _contents(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


def _make_cell() -> types.CellType:
    return types.CellType()


def _set_cell(cell: types.CellType, state: tuple[object]) -> None:
    if state[0] != _EMPTY:
        cell.cell_contents = state[0]


def _set_exception(exc: BaseException, state: Any) -> None:
    (exc.__cause__, exc.__context__, exc.__suppress_context__, exc.__traceback__), attributes = state
    if attributes:
        exc.__dict__.update(attributes)


def _stub() -> Any:
    yield


def _make_traceback(following: types.TracebackType | None, lasti: int, lineno: int) -> types.TracebackType:
    # A frame that has no f_back: one that raised here would keep this module's callers alive.
    return types.TracebackType(following, _stub().gi_frame, lasti, lineno)
