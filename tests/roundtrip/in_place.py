"""Suspended tasks are pickled, dropped and rebuilt where they are.

``caesura.snapshot`` saves and loads as ever, but what is saved is the suspended part of a running program, and what is
loaded takes the place of the very objects that were saved: a coroutine, task or future keeps its identity, so that
whoever holds it does not notice. Everything else that such a part reaches (the lists, mocks and test cases of the
program) is referred to and stays as it is.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

from caesura import frames
from caesura.errors import CannotMove
from caesura.frames.check import verdict
from caesura.loop.replay import put_in_order
from caesura.snapshot import Anchors, interpreter, load, loop_state, save, session
from caesura.snapshot.asyncio_objects import attributes_of, reduce_task
from caesura.snapshot.pickler import ObjectPickler
from caesura.snapshot.task_fields import set_must_cancel
from caesura.store.blobs import BlobRef, Blobs

SUSPENDED = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
STRUCTURE = (tuple, list, dict, str, int, float, bool, bytes, type(None), types.CodeType)
_GC_HEAD_BYTES = 16
_REFERENCE_COUNT_AND_TYPE_BYTES = 16
_FRAME_OF_FRAME_OBJECT = 24
_C_FUTURE: Any = asyncio.Future
_C_TASK: Any = asyncio.Task


class MemoryBlobs(Blobs):
    """The blobs of one save, in memory: a round trip at every turn cannot wait for a disk."""

    def __init__(self) -> None:
        super().__init__(Path(tempfile.gettempdir()) / "caesura-round-trip", b"k" * 32)
        self._kept: dict[str, bytes] = {}

    def put(self, buffers: Any, *arguments: Any, **options: Any) -> list[BlobRef]:
        self._kept = {str(index): bytes(buffer) for index, buffer in enumerate(buffers)}
        return [BlobRef(name, len(data), 0) for name, data in self._kept.items()]

    def map(self, ref: BlobRef, *, verify: bool = True, proof: str = "") -> Any:
        return self._kept[ref.name]

    def map_all(self, refs: Any, **options: Any) -> Any:
        return [memoryview(bytearray(self._kept[ref.name])) for ref in refs]

    def proof(self, name: str) -> str:
        return ""


class Trip:
    """One save and load. ``kept`` is referred to, ``rebuilt`` is made anew in place."""

    def __init__(self, loop: Any, tasks: list[Any], futures: list[Any]) -> None:
        self.loop = loop
        self.tasks = tasks
        self.futures = futures
        self.kept: list[object] = []
        self.rebuilt: list[object] = []
        self.remains: list[object] = []
        self._values: dict[int, object] = {}
        self._places: dict[int, int] = {}
        self._moving = {id(task) for task in tasks}
        self._is_rebuilt: dict[int, bool] = {}

    # --- what is rebuilt ----------------------------------------------------------------------------------------------

    def note_values(self, phase: str, state: Any) -> None:
        """Note which objects in a state that a reducer made are the program's, and not the reducer's."""
        if phase == "frame":
            _kind, _code, function, function_globals, namespace, _name, _qualname, _status, slots, *_, exc = state[:13]
            values = [function, function_globals, namespace, *slots, exc]
        else:
            parts = {name: value for name, value in state.items() if name not in ("attributes", "slots", "order")}
            values = [*parts.values(), *state.get("attributes", {}).values(), *state.get("slots", {}).values()]
        self._values.update((id(value), value) for value in values)

    def place_of(self, obj: object) -> int | None:
        """Where among the kept ones ``obj`` is; None if it has to be pickled."""
        if self.is_rebuilt(obj):
            return None
        if id(obj) not in self._values and type(obj) in STRUCTURE:
            return None
        if type(obj) is types.CodeType:
            return None
        if id(obj) not in self._places:
            self._places[id(obj)] = len(self.kept)
            self.kept.append(obj)
        return self._places[id(obj)]

    def is_rebuilt(self, obj: Any) -> bool:
        if not isinstance(obj, (*SUSPENDED, _C_FUTURE)):
            return type(obj).__name__ in AWAITABLES and frames.read_awaitable(obj) is not None
        if id(obj) not in self._is_rebuilt:
            self._is_rebuilt[id(obj)] = self._may_be_rebuilt(obj)
            self._values[id(obj)] = obj
        return self._is_rebuilt[id(obj)]

    def _may_be_rebuilt(self, obj: Any) -> bool:
        if isinstance(obj, SUSPENDED):
            try:
                return frames.read(obj).status is not frames.FrameState.FINISHED
            except CannotMove:
                return False
        if getattr(obj, "_loop", None) is not self.loop:
            return False
        if isinstance(obj, _C_TASK):
            return obj.done() or id(obj) in self._moving
        return all(self._comes_back(callback) for callback, _ in obj._callbacks or ())

    def _comes_back(self, callback: Any) -> bool:
        """Whether a callback will be on its rebuilt future again."""
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, _C_TASK) and isinstance(callback, types.BuiltinMethodType):
            return id(owner) in self._moving
        return not getattr(callback, "__qualname__", "").startswith("_chain_future.")

    def kept_waiters(self) -> list[Any]:
        """What rebuilt tasks wait for and stays as it is."""
        waiters = {id(task._fut_waiter): task._fut_waiter for task in self.tasks}
        return [waiter for waiter in waiters.values() if not self.is_rebuilt(waiter)]

    # --- in place -----------------------------------------------------------------------------------------------------

    def rebuild(self, place: int, make: Any, arguments: Any) -> object:
        """What ``make`` makes, as the object that it replaces."""
        old: Any = self.rebuilt[place]
        if isinstance(old, SUSPENDED):
            fresh = make(*arguments)
            exchange(old, fresh)
            self.remains.append(fresh)
        elif isinstance(old, _C_TASK):
            attributes_of(old).clear()
        else:
            attributes_of(old).clear()
            _C_FUTURE.__init__(old, loop=self.loop)
        return old


AWAITABLES = ("coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable", "FutureIter")
_trips: list[Trip] = []


def rebuild(place: int, make: Any, arguments: Any) -> object:
    return _trips[-1].rebuild(place, make, arguments)


def exchange(old: Any, fresh: Any) -> None:
    """Let two suspended objects of the same code change places, all but their weak references."""
    layout: Any = verdict()
    size = sys.getsizeof(old) - _GC_HEAD_BYTES
    assert size == sys.getsizeof(fresh) - _GC_HEAD_BYTES
    weak = layout.name - 8  # gi_weakreflist lies in front of gi_name
    for begin, end in ((_REFERENCE_COUNT_AND_TYPE_BYTES, weak), (layout.name, size)):
        first, second = ((ctypes.c_ubyte * (end - begin)).from_address(id(obj) + begin) for obj in (old, fresh))
        kept = bytes(first)
        first[:] = list(second)
        second[:] = list(kept)
    for obj in (old, fresh):
        frame_object = ctypes.c_uint64.from_address(id(obj) + layout.frame + layout.frame_object).value
        if frame_object:
            ctypes.c_uint64.from_address(frame_object + _FRAME_OF_FRAME_OBJECT).value = id(obj) + layout.frame


class InPlacePickler(ObjectPickler):
    def persistent_id(self, obj: object) -> int | None:
        place = _trips[-1].place_of(obj)
        return None if place is None else -1 - place

    def reducer_override(self, obj: Any) -> Any:
        reduced = super().reducer_override(obj)
        if not isinstance(obj, (*SUSPENDED, _C_FUTURE)):
            return reduced
        trip = _trips[-1]
        trip.rebuilt.append(obj)
        return rebuild, (len(trip.rebuilt) - 1, *reduced)

    def later(self, phase: Any, obj: object, state: Any) -> None:
        _trips[-1].note_values(phase, state)
        super().later(phase, obj, state)


class InPlaceUnpickler(session._SessionUnpickler):
    def persistent_load(self, place: int) -> object:
        return _trips[-1].kept[-1 - place] if place < 0 else super().persistent_load(place)


def movable_tasks(loop: Any) -> list[Any]:
    """The tasks of ``loop`` that wait for something and could be moved."""
    found = []
    for task in asyncio.all_tasks(loop):
        waiter = getattr(task, "_fut_waiter", None)
        if isinstance(task, _C_TASK) and waiter is not None and not waiter.done() and _can_be_moved(task, loop):
            found.append(task)
    return sorted(found, key=lambda task: task.get_name())


def _can_be_moved(task: Any, loop: Any) -> bool:
    try:
        reduce_task(_Looking(loop), task)
        return all(
            not getattr(callback, "__qualname__", "").startswith("_chain_future.")
            for callback, _ in task._fut_waiter._callbacks
        )
    except CannotMove:
        return False


class _Looking:
    """A pickler that keeps nothing."""

    def __init__(self, loop: object) -> None:
        self.loop = loop

    def later(self, phase: object, obj: object, state: object) -> None:
        return


def live_futures(loop: Any) -> list[Any]:
    """The futures of ``loop`` that anybody holds, finished ones too."""
    found = [obj for obj in gc.get_objects() if issubclass(type(obj), _C_FUTURE) and not issubclass(type(obj), _C_TASK)]
    return [future for future in found if getattr(future, "_loop", None) is loop]


def round_trip(loop: Any, *, with_futures: bool = False) -> int:
    """Rebuild every suspended task of ``loop``, between two of its turns, and if wanted every future that there is; how
    many there were."""
    tasks = movable_tasks(loop)
    futures = live_futures(loop) if with_futures else []
    if not tasks and not futures:
        return 0
    trip = Trip(loop, tasks, futures)
    _trips.append(trip)
    try:
        _rebuild_all(trip)
    finally:
        _trips.pop()
    return len(tasks) + len(futures)


def _rebuild_all(trip: Trip) -> None:
    loop = trip.loop
    blobs = MemoryBlobs()
    root = {"namespace": {}, "tasks": trip.tasks, "futures": trip.futures}
    saved = save(root, anchors=Anchors({"loop": loop}), loop=loop, blobs=blobs, aborted=lambda: False)
    ready = list(loop._ready)
    orders = [(waiter, _unsubscribed(waiter, trip)) for waiter in trip.kept_waiters()]
    for name, usual in loop_state._SETTINGS.items():
        setattr(loop, name, usual)
    loop._scheduled.clear()
    loop._timer_cancelled_count = 0
    loaded = load(saved.manifest, anchors=Anchors({"loop": loop, "namespace": {}}), loop=loop, blobs=blobs)
    for obj in trip.remains:
        frames.drop(obj)
    after = [handle for handle in loop._ready if handle not in ready]
    steps = [handle for handle in after if _takes_up_a_wait(handle)]
    for handle in after:
        loop._ready.remove(handle)
    for step in steps:
        step._run()
    # What another thread has added meanwhile.
    loop._ready.extend(handle for handle in after if handle not in steps)
    assert loaded.root["tasks"] == trip.tasks
    put_in_order([*orders, *loaded.orders])


def _unsubscribed(waiter: Any, trip: Trip) -> Any:
    """Take the callbacks of rebuilt tasks off a future that stays; the order in which its callbacks were."""
    order: list[Any] = []
    for callback, context in waiter._callbacks or ():
        owner = getattr(callback, "__self__", None)
        if owner in trip.tasks and isinstance(callback, types.BuiltinMethodType):
            order.append(("task", owner))
            _C_FUTURE.remove_done_callback(waiter, callback)
        else:
            order.append(("callback", callback, context))
    return order


def _takes_up_a_wait(handle: Any) -> bool:
    callback = handle._callback
    return callback is set_must_cancel or isinstance(getattr(callback, "__self__", None), _C_TASK)


def install(*, only_when_idle: bool = False, with_futures: bool = False) -> list[int]:
    """From now on every loop of this process does it at each turn, or only before it would wait. The list that is
    returned gets the number of tasks and futures of each round trip."""
    session.ObjectPickler = InPlacePickler  # type: ignore[misc]
    session._SessionUnpickler = InPlaceUnpickler  # type: ignore[misc]
    interpreter.capture = lambda *, early: {}  # the interpreter stays as it is
    interpreter.restore = lambda states: None
    counts: list[int] = []
    turn = asyncio.base_events.BaseEventLoop._run_once  # type: ignore[attr-defined]

    def run_once(loop: Any) -> None:
        if not (only_when_idle and loop._ready):
            count = round_trip(loop, with_futures=with_futures)
            if count:
                counts.append(count)
        turn(loop)

    asyncio.base_events.BaseEventLoop._run_once = run_once  # type: ignore[attr-defined]
    return counts
