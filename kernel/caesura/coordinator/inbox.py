"""What workers say, each message in its turn.

What lives here: epochs, numbers, recording what is numbered before anything comes of it, acknowledging it. What must
not: what a message means to a cell.

A numbered message takes effect when it is recorded; one without a number waits for those before it. So a snapshot's
``Prepared`` is looked at when all output before it is safe (I7), without a special rule.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from caesura.coordinator.commands import FrontSend, SendLink, SendWorker, as_bytes
from caesura.coordinator.numbered_records import record_effect
from caesura.coordinator.requests import pack_output, unpack_frames
from caesura.coordinator.state import Inbound, Kind, Session
from caesura.store.records import Records
from caesura.wire import messages as wire

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

log = logging.getLogger(__name__)

_DROP_SENT_S = 0.25
_SHOWN_OF_FUNCTIONS = frozenset({"stream", "display_data", "update_display_data", "clear_output"})


class Inbox:
    def __init__(self, core: Core) -> None:
        self._core = core

    def take(self, worker_id: str, messages: Sequence[wire.Message]) -> None:
        """Messages of a worker, in the order in which they came."""
        worker = self._core.workers.get(worker_id)
        session = None if worker is None else self._core.sessions.get(worker.session_id)
        if worker is None or session is None or session.is_ended or session.worker is not worker:
            return
        numbered: list[Inbound] = []
        for message in messages:
            if getattr(message, "epoch", session.epoch) != session.epoch:
                log.warning("session %s: %s of a stale epoch was ignored", session.session_id, type(message).__name__)
                continue
            if not isinstance(message, wire.Numbered):
                session.inbox.append(Inbound(message, True))
                continue
            if message.number < session.next_number:
                continue  # sent again after a lost link, and recorded before
            if message.number > session.next_number:
                log.error("session %s: message %d before %d", session.session_id, message.number, session.next_number)
                continue
            session.next_number = message.number + 1
            inbound = Inbound(message, False)
            numbered.append(inbound)
            session.inbox.append(inbound)
        if numbered:
            self._record(session, numbered)
        elif any(isinstance(message, wire.Numbered) for message in messages):
            self._acknowledge(session)
        self._drain(session)
        self._core.watching.touch(session)

    def _record(self, session: Session, numbered: list[Inbound]) -> None:
        core, session_id = self._core, session.session_id
        root = core.root_of(session)
        kept_for = root.session_id if root is not None and root.kind is Kind.NOTEBOOK else ""
        now = core.now
        kept_bytes = 0

        def record(records: Records) -> list[int]:
            nonlocal kept_bytes
            places: list[int] = []
            are_new = records.accept_numbers(session_id, _number(numbered[0]), _number(numbered[-1]))
            for inbound in numbered:
                message = inbound.message
                assert isinstance(message, wire.Numbered)
                place = 0
                if are_new or records.accept_number(session_id, message.number):
                    if not isinstance(message, wire.Output):
                        record_effect(records, session, message, now)
                    elif kept_for and _is_shown(session, message):
                        packed, file_bytes = pack_output(message), sum(size for _, size in message.apart)
                        is_kept = root is not None and core.recorded.keeps(root, message)
                        place = records.add_output(
                            kept_for,
                            message.channel,
                            packed,
                            cell_id=message.parent_id,
                            at=now,
                            kept=is_kept,
                            file=message.number if message.apart else 0,
                            file_bytes=file_bytes,
                        )
                        kept_bytes += len(packed) + file_bytes if is_kept else 0
                places.append(place)
            return places

        def then(places: list[int]) -> None:
            for inbound, place in zip(numbered, places, strict=True):
                inbound.is_ready, inbound.output = True, place
            if session.is_ended:
                return
            self._acknowledge(session)
            self._drain(session)
            if any(places):
                self._sent(root, max(places))
            if kept_bytes and root is not None:
                core.recorded.added(root, kept_bytes)

        core.persist(record, then)

    def _acknowledge(self, session: Session) -> None:
        worker = session.worker
        last = next(
            (
                inbound.message.number - 1
                for inbound in session.inbox
                if not inbound.is_ready and isinstance(inbound.message, wire.Numbered)
            ),
            session.next_number - 1,
        )
        if worker is not None and last > 0:
            self._core.put(SendWorker(worker.worker_id, wire.Acked(last=last)))

    def _sent(self, root: Session | None, place: int) -> None:
        """What was given to the front need not be kept. Recorded once in a while: that it was sent is known from
        :mod:`caesura.coordinator.sent_marks` as well."""
        if root is None or root.is_ended or not root.is_front_live:
            return
        if not root.sent_place:
            self._core.set_timer(self._core.now + _DROP_SENT_S, "sent", root.session_id)
        root.sent_place = place

    def drop_sent(self, session: Session) -> None:
        """Forget the outputs that were sent."""
        session_id, place, before = session.session_id, session.sent_place, session.marked_place
        session.sent_place, session.marked_place = 0, place

        def record(records: Records) -> None:
            records.mark_sent(session_id, place, after=before)
            records.drop_outputs(session_id, place, after=before)

        self._core.persist(record, lambda _: self._core.sweep_outputs(session_id))

    def _drain(self, session: Session) -> None:
        while session.inbox and session.inbox[0].is_ready and not session.is_ended:
            inbound = session.inbox.popleft()
            self._apply(session, inbound.message, inbound.output)
        if not session.inbox:
            waiting, session.after_drain = session.after_drain, []
            for act in waiting:
                act()

    def _apply(self, session: Session, message: wire.Message, place: int) -> None:
        core = self._core
        match message:
            case wire.Output():
                self._pass_on(session, message, place)
                if message.msg_type == "status" and message.channel == "iopub":
                    core.desk.status_seen(session, message)
                elif message.msg_type == "execute_reply" and message.channel == "shell":
                    core.desk.reply_seen(session, message)
            case wire.CellStarted():
                core.cell.started(session, message.cell_id)
            case wire.CellDone():
                core.cell.done(session, message)
            case wire.Blocked():
                core.move.blocked(session, message)
            case wire.Unmovable():
                session.unmovable, session.unmovable_waiting = tuple(message.variables), message.waiting
            case wire.Progress():
                core.progress.reported(session, message.done, message.total)
            case wire.Unblocked():
                core.move.unblocked(session, message.serial)
            case wire.Frozen():
                core.move.frozen(session, message)
            case wire.Prepared():
                core.move.prepared(session, message)
            case wire.NotSaved():
                core.move.not_saved(session, message)
            case wire.Loaded():
                session.unmovable, session.unmovable_waiting = (), 0
                core.worker.loading.loaded(session, message.seconds)
            case wire.Going():
                core.worker.loading.going(session)
            case wire.LoadFailed():
                core.worker.loading.failed(session, message)
            case wire.Call():
                core.operation.started(session, message)
            case wire.CancelCall():
                core.operation.cancelled_by_worker(session, message.op_id)
            case wire.FunctionDone():
                core.function.done(session, message)
            case _:
                log.error("session %s sent a %s", session.session_id, type(message).__name__)

    def _pass_on(self, session: Session, message: wire.Output, place: int) -> None:
        root = self._core.root_of(session)
        if root is None or root.is_ended or not _is_shown(session, message):
            return
        buffers = as_bytes(message.buffers)
        idents, frames = buffers[: message.idents], buffers[message.idents :]
        if root.kind is Kind.CLIENT:
            self._core.rpc.show(root, message.msg_type, frames)
        elif root.is_front_live:
            file = message.number if message.apart else 0
            self._core.put(FrontSend(root.session_id, message.channel, idents, frames, place, file, message.apart))

    def flush_kept(self, session: Session) -> None:
        """Send what was recorded while the notebook's sockets were not bound, then go on sending."""
        session_id = session.session_id
        core = self._core

        def then(unsent: list[FrontSend]) -> None:
            if session.is_ended:
                return
            session.is_front_live = True
            for message in unsent:
                core.put(message)
            if unsent:
                self._sent(session, unsent[-1].place)
            core.desk.front_is_live(session)

        core.persist(lambda records: _unsent(records, session_id), then)

    def reply_to_link(self, link: int | None, message: wire.Message) -> None:
        if link is not None:
            self._core.put(SendLink(link, message))


def _is_shown(session: Session, message: wire.Output) -> bool:
    """Whether the clients get it. A function has no busy and idle of its own."""
    return session.kind is not Kind.FUNCTION or message.msg_type in _SHOWN_OF_FUNCTIONS


def _number(inbound: Inbound) -> int:
    assert isinstance(inbound.message, wire.Numbered)
    return inbound.message.number


def _unsent(records: Records, session_id: str) -> list[FrontSend]:
    found = []
    for row in records.outputs(session_id, unsent_only=True):
        body, idents, frames = unpack_frames(row.frames)
        apart = body.get("apart", ())
        found.append(FrontSend(session_id, row.channel, idents, frames, row.n, row.file, apart))
    return found
