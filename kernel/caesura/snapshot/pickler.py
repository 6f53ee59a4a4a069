"""The pickler: the C one, with the reducers of this package, writing one stream.

:meth:`ObjectPickler.dump_all` writes values one after the other with one memo, and behind them the states that were put
off (:meth:`ObjectPickler.later`), until no more come.
"""

from __future__ import annotations

import pickle
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from caesura.errors import SaveAborted
from caesura.snapshot import made_modules, set_order
from caesura.snapshot.choosing import reducer_for
from caesura.snapshot.classes import known_token
from caesura.snapshot.reducing import Phase, Reduced, Reducer
from caesura.snapshot.seeds import Seeds
from caesura.snapshot.shared_memory import SharedMemory

IN_BAND_BYTES: Final = 64 << 10
"""Buffers below this size stay in the stream."""


class Stream:
    """The file of a pickler: collects what is written, and gives up when ``aborted`` says so."""

    def __init__(self, aborted: Callable[[], bool]) -> None:
        self._aborted = aborted
        self.parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self.check()
        self.parts.append(bytes(part))
        return len(part)

    def check(self) -> None:
        if self._aborted():
            raise SaveAborted("An answer or an interrupt came before the session was saved.")

    def take(self) -> bytes:
        return b"".join(self.parts)


class ObjectPickler(pickle.Pickler):
    """``loop`` is the loop whose futures can be moved; ``seeds`` what is referred to."""

    def __init__(self, stream: Stream, *, loop: object, seeds: Seeds) -> None:
        self.buffers: list[memoryview] = []
        super().__init__(stream, 5, buffer_callback=self._keep_in_band)
        self._stream = stream
        self.loop = loop
        self.stand_ins: dict[int, Any] = {}
        self.memory = SharedMemory()
        self._reducers: dict[type, Reducer | None] = {}
        self._put_off: list[tuple[Phase, object, object]] = []
        self._globals_of: dict[int, object] = {}
        self._seeded = seeds.memo
        if seeds.memo:
            self.memo = seeds.memo

    def _keep_in_band(self, buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < IN_BAND_BYTES:
            return True
        self.buffers.append(view)
        return False

    def reducer_override(self, obj: Any) -> Reduced:
        try:
            reducer = self._reducers[type(obj)]
        except KeyError:
            reducer = self._reducers[type(obj)] = reducer_for(obj)
        return NotImplemented if reducer is None else reducer(self, obj)

    @property
    def reducers(self) -> Mapping[type, Reducer | None]:
        """The types of all objects that have been written, but for those that pickle writes without asking."""
        return self._reducers

    # --- for the reducers ---------------------------------------------------------------------------------------------

    def later(self, phase: Phase, obj: object, state: object) -> None:
        self._put_off.append((phase, obj, state))

    def globals_of(self, function_globals: dict[str, Any], code: types.CodeType) -> object:
        place = id(function_globals)
        if place not in self._globals_of:
            module = None if place in self._seeded else made_modules.module_of(function_globals)
            self._globals_of[place] = function_globals if module is None else made_modules.GlobalsOf(module)
        return self._globals_of[place]

    def token_of(self, cls: type) -> str:
        return known_token(cls)

    # --- writing ------------------------------------------------------------------------------------------------------

    def dump_all(self, values: Sequence[object]) -> None:
        """Each value, then lists of states that were put off, then None."""
        for value in values:
            self.dump(value)
        while self._put_off:
            entries, self._put_off = self._put_off, []
            self.dump(entries)
        orders = self.orders_of_sets()
        if orders:
            self.dump([("set", each, state) for each, state in orders])
        self.dump(None)

    def orders_of_sets(self) -> list[tuple[set[Any] | frozenset[Any], set_order.State]]:
        """What is to be said of sets that have been written. The memo is only looked through if there are any."""
        if not set_order.is_to_be_kept(self._stream.parts):
            return []
        return set_order.states(obj for place, (_, obj) in self.memo.copy().items() if place not in self._seeded)
