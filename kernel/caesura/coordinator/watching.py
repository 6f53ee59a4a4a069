"""What a panel shows of this home, pushed as it changes: only what changed, and nothing while nobody watches.

What lives here: which objects there are, their numbers, who watches. What must not: what a request looks like, what an
action does. A session is looked at anew when something happened to it (:meth:`Watching.touch`), at most every
``EVERY_S`` and so many at a time that no message waits; what is then not as it was sent last goes out under the next
number. Who lost the connection names the last number that it has, and gets what came after it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from caesura.coordinator.commands import SendLink
from caesura.coordinator.operations import describe_event
from caesura.coordinator.recorded import notebook_cell
from caesura.coordinator.state import Cell, Kind, Operation, Session, Worker
from caesura.coordinator.status import describe_cell, describe_session, describe_worker, memory_of
from caesura.model import CallKind
from caesura.wire.messages import Event, Json, obstacle_to_json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

EVERY_S: Final = 0.1
"""A change waits for so long for others that go out with it."""

AT_ONCE: Final = 100
"""Sessions that are looked at in one turn of the loop, which takes some milliseconds."""

BACKLOG_BYTES: Final = 1 << 20
"""Who has not read so much is told nothing more until it has, and then only how things are by then."""

BEHIND_S: Final = 1.0
"""How often it is looked whether somebody who was behind has read."""

KINDS: Final = ("sessions", "cells", "workers", "calls")
_CODE_CHARS: Final = 400
_GONE: Final = 2000
"""So many objects that are no more are remembered for who comes back."""

Key = tuple[str, str]
"""Which object: its kind and its id."""


class Watching:
    """``touch`` is called wherever a session may have changed; it is cheap while nobody watches."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._links: set[int] = set()
        self._touched: dict[str, None] = {}
        self._is_due = False
        self._has_time = False  # it is only due to look at who is behind
        self._stream = ""
        self._number = 0
        self._told = 0  # the number of the last change that was pushed
        self._sent: dict[Key, tuple[int, Json | None]] = {}  # None: it is gone
        self._new: dict[Key, None] = {}  # what has changed and was not pushed
        self._of_session: dict[str, set[Key]] = {}
        self._gone: dict[Key, None] = {}  # those that are None in what was sent, oldest first
        self._known_from = 0  # what was gone before this number is not known any more
        self._asking: set[int] = set()
        self._behind: dict[int, int] = {}  # who reads too slowly, and the last number that it was told

    # --- who watches ------------------------------------------------------------------------------------------------

    def watch(self, link: int, stream: str, after: int, then: Callable[[Json], None]) -> None:
        """``link`` hears of every change from here on. ``then`` gets all that there is, or what changed after the
        number ``after`` of the same ``stream``."""
        now = self._core.now
        midnight = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        self._asking.add(link)

        def answer(freed_s: float) -> None:
            if link in self._asking:
                self._asking.discard(link)
                then({**self._begin(link, stream, after), "freed_s": freed_s})

        self._core.persist(lambda records: records.freed_since(midnight, now), answer)

    def _begin(self, link: int, stream: str, after: int) -> Json:
        core = self._core
        if not self._stream:
            self._stream = core.new_id()
        if not self._links:  # nobody has taken note of what happened since
            self._touched = dict.fromkeys((*self._of_session, *core.sessions))
        while self._touched:
            self._look(len(self._touched))
        if not self._links:
            self._new.clear()
        self._links.add(link)
        is_known = stream == self._stream and after <= self._number
        return self._all_since(after if is_known else -1)

    def _all_since(self, after: int) -> Json:
        """What changed after that number, or all that there is if that is not known any more."""
        core = self._core
        is_whole = after < self._known_from
        shown = self._shown(key for key, (at, _) in self._sent.items() if is_whole or at > after)
        if is_whole:
            shown["gone"] = []
            for worker in shown["workers"]:
                worker["rss_bytes"] = memory_of(core, worker["pid"])
        about = {**core.about, "policy": str(core.limits.policy), "workers": core.limits.workers}
        return {
            **shown,
            "stream": self._stream,
            "n": self._number,
            "now": core.now,
            "store_bytes": core.store_bytes(),
            "whole": is_whole,
            "coordinator": about,
        }

    def leave(self, link: int) -> None:
        self._links.discard(link)
        self._asking.discard(link)
        self._behind.pop(link, None)
        if not self._links:
            self._touched.clear()
            self._new.clear()

    # --- what changed -----------------------------------------------------------------------------------------------

    def touch(self, session: Session) -> None:
        """Something happened to the session."""
        if not self._links or session.kind is Kind.CLIENT:
            return
        self._touched[session.session_id] = None
        if not self._is_due or self._has_time:
            self._is_due, self._has_time = True, False
            self._core.set_timer(self._core.now + EVERY_S, "watch")

    def is_due(self) -> None:
        """Look at what was touched, and say what is different."""
        self._is_due = self._has_time = False
        self._look(AT_ONCE)
        if self._touched:
            self._is_due = True
            self._core.set_timer(self._core.now, "watch")
        self._catch_up()
        if not self._new or not self._links:
            return
        about = {"stream": self._stream, "n": self._number, "now": self._core.now}
        data = {**self._shown(self._new), **about, "store_bytes": self._core.store_bytes()}
        self._new.clear()
        event = Event(name="change", data=data)
        for link in self._links - self._behind.keys():
            if self._core.backlog_of(link) > BACKLOG_BYTES:
                self._behind[link] = self._told
            else:
                self._core.put(SendLink(link, event))
        self._told = self._number
        self._look_at_who_is_behind()

    # --- who reads slowly -------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Tell who was behind, and has read, how things are now."""
        for link, told in list(self._behind.items()):
            if not self._core.backlog_of(link):
                del self._behind[link]
                self._core.put(SendLink(link, Event(name="change", data=self._all_since(told))))
        self._look_at_who_is_behind()

    def _look_at_who_is_behind(self) -> None:
        if self._behind and not self._is_due:
            self._is_due = self._has_time = True
            self._core.set_timer(self._core.now + BEHIND_S, "watch")

    def _look(self, most: int) -> None:
        workers = defaultdict(list)
        for worker in self._core.workers.values():
            workers[worker.session_id].append(worker)
        looked_at = list(islice(self._touched, most))
        for session_id in looked_at:
            del self._touched[session_id]
            session = self._core.sessions.get(session_id)
            found = {} if session is None else dict(self._objects(session, workers[session_id]))
            for key, value in found.items():
                self._note(key, value)
            for key in self._of_session.get(session_id, set()) - found.keys():
                self._set(key, None)
            if found:
                self._of_session[session_id] = set(found)
            else:
                self._of_session.pop(session_id, None)

    def _note(self, key: Key, value: Json) -> None:
        known = self._sent.get(key)
        if known is None or known[1] is None or _compared(known[1]) != _compared(value):
            if key[0] == "workers":
                value["rss_bytes"] = memory_of(self._core, value["pid"])
            self._set(key, value)

    def _set(self, key: Key, value: Json | None) -> None:
        self._number += 1
        self._sent[key] = self._number, value
        self._new[key] = None
        self._gone.pop(key, None)
        if value is None:
            self._gone[key] = None
            if len(self._gone) > _GONE:
                oldest = next(iter(self._gone))
                del self._gone[oldest]
                self._known_from, _ = self._sent.pop(oldest)

    def _shown(self, keys: Iterable[Key]) -> Json:
        shown: dict[str, list[Any]] = {kind: [] for kind in (*KINDS, "gone")}
        for kind, name in keys:
            _, value = self._sent.get((kind, name), (0, None))
            if value is None:
                shown["gone"].append([kind, name])
            else:
                shown[kind].append(dict(value))
        return shown

    # --- what there is ----------------------------------------------------------------------------------------------

    def _objects(self, session: Session, workers: Sequence[Worker]) -> Iterator[tuple[Key, Json]]:
        for worker in workers:
            yield ("workers", worker.worker_id), describe_worker(worker)
        if session.is_ended or session.kind is Kind.CLIENT:
            return
        yield ("sessions", session.session_id), self._session(session)
        for cell in session.cells.values():
            yield ("cells", f"{session.session_id}/{cell.cell_id}"), _cell(session, cell)
        for operation in session.operations.values():
            if operation.is_pending:
                yield ("calls", operation.op_id), self._call(operation)

    def _session(self, session: Session) -> Json:
        saved = session.saved or session.last_saved
        return {
            **describe_session(session),
            "is_kept": session.is_kept,
            "kept_until": self._core.keeping.until(session) if session.is_kept else None,
            "is_away": session.saved is not None and session.worker is None,
            "size_bytes": None if saved is None else saved.size_bytes,
            "parent_call": session.parent_op,
            "unmovable": list(session.unmovable),
        }

    def _call(self, operation: Operation) -> Json:
        found = self._core.history.predict(operation.key, operation.kind)
        shown = {
            "op_id": operation.op_id,
            "session_id": operation.session_id,
            "cell_id": operation.cell_id,
            "kind": operation.kind,
            "key": operation.key,
            "label": operation.label,
            "since": operation.created,
            "due": operation.due,
            "expected": {"p10": found.p10, "p50": found.p50, "p90": found.p90, "count": found.count},
        }
        if operation.kind == CallKind.EVENT:
            event = describe_event(operation)
            shown.update(name=event["name"], schema=event["schema"])
        return shown


def _compared(value: Json) -> Json:
    return {name: part for name, part in value.items() if name != "rss_bytes"}


def _cell(session: Session, cell: Cell) -> Json:
    block, decided, saved = session.block, session.decided, session.saved
    is_current = cell is session.cell
    shown = {
        **describe_cell(session, cell),
        "notebook_cell": None if cell.request is None else notebook_cell(cell.request.frames[2]),
        "execution_count": cell.execution_count,
        "started": cell.started,
        "resumes": cell.resumes,
        "save_s": cell.save_s,
        "load_s": cell.load_s,
        "error": cell.error,
        "by_hand": cell.by_hand,
        "obstacles": [obstacle_to_json(each) for each in block.obstacles] if is_current and block is not None else [],
        "expected": None,
        "chain": [] if saved is None or saved.cell_id != cell.cell_id else list(saved.chain),
    }
    shown["code"] = cell.code[:_CODE_CHARS]
    if decided is not None and decided.wait is not None and is_current:
        found = decided.prediction
        shown["expected"] = {
            "since": decided.wait.since,
            "label": decided.wait.label or decided.wait.key,
            "p10": found.p10,
            "p50": found.p50,
            "p90": found.p90,
            "count": found.count,
            "basis": found.basis,
        }
    return shown
