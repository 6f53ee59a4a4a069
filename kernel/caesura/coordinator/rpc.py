"""What clients ask over the local socket: the command line, the server extension, programs without a kernel.

What lives here: the methods by name. What must not: how a client connects, what the answers look like on a screen.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from caesura.coordinator import status
from caesura.coordinator.by_hand import ByHand
from caesura.coordinator.commands import LookAtStore, Quit, SendLink
from caesura.coordinator.learned import Learned
from caesura.coordinator.operations import describe_event, operation_from
from caesura.coordinator.resuming import resume_failed
from caesura.coordinator.session_requests import SessionRequests, named_sessions
from caesura.coordinator.sessions import row_of
from caesura.coordinator.state import Cell, Kind, Operation, Session
from caesura.errors import CaesuraError, UsageError
from caesura.policy import sized_key
from caesura.store.records import Records
from caesura.store.rows import OperationRow
from caesura.wire.codec import Buffer
from caesura.wire.life import ON_WORKER
from caesura.wire.messages import Event, Json, Reply, Request

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


class Rpc:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._subscribers: set[int] = set()
        self._parts = (SessionRequests(core), ByHand(core), core.replacing, Learned(core))
        self._callers: dict[str, tuple[int, int]] = {}  # operation → link and number of the request
        self.zygotes: Callable[[], list[Json]] = list

    def request(self, link: int, request: Request) -> None:
        """Answer a client, now or when the answer is there."""
        number = request.number
        method = getattr(self, f"_do_{request.method}", None)
        of_part = next((do for part in self._parts if (do := getattr(part, f"do_{request.method}", None))), None)
        try:
            if method is not None:
                method(link, request)
            elif of_part is not None:
                of_part(
                    request.params,
                    lambda result, buffers=(): self._reply(link, number, result, buffers),
                    lambda error: self._fail(link, number, error),
                )
            else:
                raise UsageError(f"The coordinator has no method {request.method!r}.")
        except CaesuraError as error:
            self._fail(link, number, error)
        except (KeyError, TypeError, ValueError) as error:
            self._fail(link, number, UsageError(f"{request.method}: {error!r} in its parameters."))

    def _reply(self, link: int, number: int, result: Any, buffers: Sequence[Buffer] = ()) -> None:
        self._core.put(SendLink(link, Reply(number=number, result=result, buffers=tuple(buffers))))

    def _fail(self, link: int, number: int, error: CaesuraError) -> None:
        self._core.put(SendLink(link, Reply(number=number, error=str(error), error_type=type(error).__name__)))

    # --- looking ----------------------------------------------------------------------------------------------------

    def _do_ping(self, link: int, request: Request) -> None:
        self._reply(link, request.number, "pong")

    def _do_status(self, link: int, request: Request) -> None:
        self._reply(link, request.number, status.status(self._core, self.zygotes()))

    def _do_cells(self, link: int, request: Request) -> None:
        self._reply(link, request.number, status.cells(self._core))

    def _do_cell(self, link: int, request: Request) -> None:
        session, cell = self.find(str(request.params["id"]))
        self._reply(link, request.number, status.describe_cell(session, cell))

    def _do_frames(self, link: int, request: Request) -> None:
        """What a suspended cell recorded of its frames; nothing while it runs."""
        session, cell = self.find(str(request.params["id"]))
        saved = session.saved
        is_its = saved is not None and saved.cell_id == cell.cell_id
        self._reply(link, request.number, saved.manifest.get("frames", []) if saved and is_its else [])

    def _do_events(self, link: int, request: Request) -> None:
        self._reply(link, request.number, [describe_event(op) for op in self._core.operation.waiting_events()])

    def _do_why(self, link: int, request: Request) -> None:
        named = str(request.params.get("of") or "")
        self._reply(link, request.number, [status.why(session) for session in self._named_sessions(named)])

    def _named_sessions(self, named: str) -> list[Session]:
        """The notebooks and functions with this name, path, id of the session or of a cell; all if it is empty."""
        found = named_sessions(self._core, named)
        if found or not named:
            return found
        try:
            return [self.find(named)[0]]
        except UsageError:
            raise UsageError(f"There is no notebook, session or cell {named!r}. `caesura status` lists them.") from None

    def _do_store(self, link: int, request: Request) -> None:
        self._core.put(LookAtStore(link, request.number, collects=bool(request.params.get("collect", False))))

    def _do_moves(self, link: int, request: Request) -> None:
        cell_id = request.params.get("cell_id")
        self._look_up(link, request, lambda records: records.moves(cell_id=cell_id))

    def _do_decisions(self, link: int, request: Request) -> None:
        cell_id = request.params.get("cell_id")
        self._look_up(link, request, lambda records: records.decisions(cell_id=cell_id))

    def _look_up(self, link: int, request: Request, read: Callable[[Records], Sequence[Any]]) -> None:
        self._core.persist(
            lambda records: [dataclasses.asdict(row) for row in read(records)],
            lambda rows: self._reply(link, request.number, rows),
        )

    def find(self, cell_id: str) -> tuple[Session, Cell]:
        """The listed cell whose id is, or begins with, ``cell_id``; UsageError if there is none, or several."""
        found = [
            (session, cell)
            for session in self._core.live_sessions()
            for cell in session.cells.values()
            if cell.cell_id.startswith(cell_id)
        ]
        exact = [(session, cell) for session, cell in found if cell.cell_id == cell_id]
        if len(exact) == 1 or len(found) == 1:
            return (exact or found)[0]
        if not found:
            raise UsageError(f"There is no cell {cell_id!r}. `caesura cells` lists them.")
        raise UsageError(f"{cell_id!r} begins the ids of {len(found)} cells; give more of it.")

    # --- acting -----------------------------------------------------------------------------------------------------

    def _do_cancel(self, link: int, request: Request) -> None:
        session, cell = self.find(str(request.params["cell_id"]))
        if session.kind is Kind.FUNCTION:
            raise UsageError("This is a remote function; cancel the cell that waits for it.")
        self._core.interrupt.cancel(session, cell)
        self._reply(link, request.number, status.describe_cell(session, cell))

    def _do_resume(self, link: int, request: Request) -> None:
        session, cell = self.find(str(request.params["cell_id"]))
        resume_failed(self._core, session, cell, lambda result: self._reply(link, request.number, result))

    def _do_send_event(self, link: int, request: Request) -> None:
        params = request.params
        error = params.get("error")
        count = self._core.operation.send_event(
            str(params["name"]), value=params.get("value"), error=None if error is None else str(error)
        )
        self._reply(link, request.number, {"answered": count})

    def _do_stop(self, link: int, request: Request) -> None:
        is_forced = bool(request.params.get("force", False))
        open_notebooks = [s for s in self._core.live_sessions() if s.kind is Kind.NOTEBOOK and s.link is not None]
        kept = [s for s in self._core.live_sessions() if s.is_kept and s.worker is not None]
        if kept and not open_notebooks and not is_forced:
            raise UsageError(
                f"Notebooks that are kept and still have a process: {len(kept)}. Wait until they are parked "
                "(`caesura sessions`), or use --force, which ends what they run."
            )
        if open_notebooks and not is_forced:
            running = [s for s in open_notebooks if s.cell is not None and s.cell.state in ON_WORKER]
            raise UsageError(
                f"Open notebooks: {len(open_notebooks)}, of which {len(running)} run a cell. "
                "Shut their kernels down first, or use --force, which ends them."
            )
        self._reply(link, request.number, {"stopping": True})
        self._core.session.stop()
        self._core.put(Quit("stopped by `caesura stop`"))

    # --- telling ----------------------------------------------------------------------------------------------------

    def _do_subscribe(self, link: int, request: Request) -> None:
        self._subscribers.add(link)
        self._reply(link, request.number, {"subscribed": True})

    def _do_watch(self, link: int, request: Request) -> None:
        stream, after = str(request.params.get("stream") or ""), int(request.params.get("after") or 0)
        self._core.watching.watch(link, stream, after, lambda shown: self._reply(link, request.number, shown))

    def changed(self, session: Session, cell: Cell | None) -> None:
        """Tell who listens that a cell or session is not as it was."""
        self._core.watching.touch(session)
        if not self._subscribers or session.kind is Kind.CLIENT:
            return
        if cell is not None:
            event = Event(name="cell", data=status.describe_cell(session, cell))
        else:
            event = Event(name="session", data={"session_id": session.session_id, "state": session.state})
        for link in self._subscribers:
            self._core.put(SendLink(link, event))

    def link_lost(self, link: int) -> None:
        self._subscribers.discard(link)
        self._core.watching.leave(link)

    # --- calls of programs without a kernel -------------------------------------------------------------------------

    def _do_call(self, link: int, request: Request) -> None:
        """Start a call; the reply is its end. ``buffers[0]`` is its request, as in :class:`Call`."""
        core, params, now = self._core, request.params, self._core.now
        session = self._client_session(link, params)
        op_id = str(params.get("op_id") or core.new_id())
        payload = bytes(request.buffers[0]) if request.buffers else b""
        row = OperationRow(
            id=op_id,
            session_id=session.session_id,
            cell_id="",
            kind=str(params["kind"]),
            key=sized_key(str(params["key"]), len(payload)),
            created=now,
            label=str(params.get("label", "")),
            request=payload,
            options=dict(params.get("options") or {}),
        )
        self._callers[op_id] = (link, request.number)

        def then(_: Any) -> None:
            if not session.is_ended:
                core.operation.begin(operation_from(row))

        core.persist(lambda records: records.add_operation(row), then)

    def _do_cancel_call(self, link: int, request: Request) -> None:
        operation = self._core.operations.get(str(request.params["op_id"]))
        if operation is not None and self._callers.get(operation.op_id, (None,))[0] == link:
            self._callers.pop(operation.op_id)
            self._core.operation.cancel(operation)
        self._reply(link, request.number, {"cancelled": operation is not None})

    def _client_session(self, link: int, params: Json) -> Session:
        core, now = self._core, self._core.now
        for session in core.live_sessions():
            if session.kind is Kind.CLIENT and session.link == link:
                return session
        environment = dict(params.get("environment") or {})
        key = core.environment_key(environment)
        policy, _ = core.session.policy_of(environment)
        session = Session(f"c-{core.new_id()}", Kind.CLIENT, environment, key, policy, now, link=link)
        core.sessions[session.session_id] = session
        core.persist(lambda records: records.add_session(row_of(session)))
        return session

    def answered(self, session: Session, operation: Operation) -> bool:
        """Whether the operation was a client's, which now has its answer."""
        if session.kind is not Kind.CLIENT:
            return False
        caller = self._callers.pop(operation.op_id, None)
        if caller is not None:
            result = {
                "op_id": operation.op_id,
                "ok": operation.ok,
                "at": operation.answered_at,
                "uncertain": operation.uncertain,
                "text": operation.text,
            }
            self._reply(*caller, result, (operation.result,))
        session.operations.pop(operation.op_id, None)
        self._core.operations.pop(operation.op_id, None)
        return True

    def show(self, session: Session, msg_type: str, frames: Sequence[bytes]) -> None:
        """What a client's function printed."""
        if msg_type != "stream" or session.link is None:
            return
        content = json.loads(frames[3])
        data = {"name": content.get("name", "stdout"), "text": content.get("text", "")}
        self._core.put(SendLink(session.link, Event(name="output", data=data)))
