"""Notebooks whose Jupyter Server has gone: kept with their variables and cells until they are opened again.

What lives here: when a notebook is kept rather than ended, how a new kernel for the same path goes on with it, when it
is given up. What must not: how kernels are opened and ended otherwise (``sessions.py``), what clients are told
(``session_requests.py``).

A server that stops shuts its kernels down, which looks as if the user did; our extension says before that it is
leaving. A server that dies takes its stubs with it, or leaves them orphaned; then it is looked whether its process is
there. The user's own shutdown, a restart and a kernel that is killed end the session as everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from caesura import points
from caesura.coordinator.cells import clock_text
from caesura.coordinator.commands import UnbindFront
from caesura.coordinator.state import Kind, Session
from caesura.store.records import Records
from caesura.wire.messages import Json, OpenKernel

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
"""Who kills a server and its kernels at once does it one by one."""


class Keeping:
    def __init__(self, core: Core) -> None:
        self._core = core

    # --- going ------------------------------------------------------------------------------------------------------

    def leaving(self, ports: Collection[int], then: Callable[[list[str]], None]) -> None:
        """A Jupyter Server is about to stop, whose kernels have these shell ports: what it shuts down is kept. ``then``
        gets the ids of their sessions, when it is durable."""
        core, now = self._core, self._core.now
        found = [s for s in core.live_sessions() if self._can_keep(s) and s.connection.get("shell_port") in ports]
        for session in found:
            session.is_leaving = True
        holders = [(session.session_id, holder_of(session)) for session in found]

        def record(records: Records) -> None:
            points.reach("leaving.before_record")
            for session_id, holder in holders:
                records.update_session(session_id, now, holder=holder)

        core.persist(record, lambda _: then([session_id for session_id, _ in holders]), durable=True)

    def _can_keep(self, session: Session) -> bool:
        """Only a notebook with a path can be opened again."""
        return session.kind is Kind.NOTEBOOK and bool(session.name) and self._core.limits.keep_s > 0

    def link_lost(self, session: Session) -> bool:
        """Its stub has gone without a word. Whether that may be the end of its server, which is then looked at."""
        if not self._can_keep(session):
            return False
        if session.is_leaving:
            self.keep(session)
            return True
        if not session.server:
            return False
        session.link = None
        session.is_lost = True
        self._core.set_timer(self._core.now + _LOOK_S, "lost", session.session_id)
        return True

    def look_at_server(self, session: Session) -> None:
        """Whether the server of a lost stub is there: then it has killed its kernel."""
        if not session.is_lost or session.link is not None:
            return
        session.is_lost = False
        if self._has_server(session):
            self._core.session.lost(session)
        else:
            self.keep(session)

    def _has_server(self, session: Session) -> bool:
        pid, started = session.server or (0, "")
        return bool(pid) and self._core.started(pid) == started

    def keeps(self, session: Session, *, is_orphaned: bool = False) -> bool:
        """Whether the end that is asked for is that of its server: then it is kept."""
        if not self._can_keep(session) or not (session.is_leaving or is_orphaned):
            return False
        self.keep(session)
        return True

    def keep(self, session: Session) -> None:
        """Nobody has the notebook open any more; its cells go on."""
        core, now = self._core, self._core.now
        if not self._can_keep(session) or (session.epoch == 0 and not session.queue):
            core.session.end(session, 0)  # nothing was run in it
            return
        session.is_leaving = session.is_lost = session.is_front_live = False
        session.is_detached = True
        session.kept_since = now
        session.kernel_info.clear()
        session.unsaid.clear()
        for name in ("end", "stub", "lost"):
            core.cancel_timer(name, session.session_id)
        core.session.say_ended(session, 0, "")
        core.put(UnbindFront(session.session_id))
        self.record(session)
        self.set_timer(session)
        core.rpc.changed(session, None)
        core.desk.pump(session)
        core.parking.look(session)
        core.session.look_idle()

    def record(self, session: Session, then: Callable[[], None] = lambda: None) -> None:
        """Who has the notebook open, or since when nobody."""
        session_id, now, name = session.session_id, self._core.now, session.name
        holder, is_detached = holder_of(session), session.is_detached

        def record(records: Records) -> None:
            points.reach("kept.before_record")
            records.update_session(session_id, now, name=name, detached=is_detached, holder=holder)

        self._core.persist(record, lambda _: then(), durable=True)

    def prefer(self, session: Session, then: Callable[[], None]) -> None:
        """A kept session is the one that the next kernel of its path goes on with."""
        session.kept_since = self._core.now
        self.record(session, then)
        self.set_timer(session)

    def set_timer(self, session: Session) -> None:
        self._core.set_timer(self.until(session), "kept", session.session_id)

    def until(self, session: Session) -> float:
        """When a kept session is given up, if nothing happens in it before."""
        return max(session.kept_since or 0.0, session.last_used) + self._core.limits.keep_s

    def look_whether_over(self, session: Session) -> None:
        """It may have been kept for long enough. A cell that waits is waited for."""
        if session.kept_since is None:
            return
        if session.cell is not None or session.queue:
            self._core.set_timer(self._core.now + self._core.limits.keep_s, "kept", session.session_id)
        elif self.until(session) > self._core.now:
            self.set_timer(session)
        else:
            log.info("session %s of %s was kept long enough", session.session_id, session.name)
            self._core.session.end(session, 0)

    def is_at_rest(self, session: Session) -> bool:
        """Whether a kept session needs no coordinator: all of it is in the records, and nothing will wake it."""
        return (
            session.is_kept
            and session.worker is None
            and session.cell is None
            and not session.queue
            and not session.is_due
            and not any(operation.is_pending for operation in session.operations.values())
            and (session.saved is None or not session.has_timer)
        )

    # --- coming back ------------------------------------------------------------------------------------------------

    def opened(self, session: Session, link: int, message: OpenKernel) -> None:
        """A stub holds it."""
        env = message.environment.get("env") or {}
        text = str(env.get("JPY_PARENT_PID") or "")
        pid = int(text) if text.isdigit() else self._core.pid_of_link(link)
        started = self._core.started(pid) if pid else ""
        session.server = (pid, started) if started else None
        session.is_leaving = session.is_leaving and bool(message.session_id)
        session.is_lost = False
        session.kept_since = None
        for name in ("kept", "lost"):
            self._core.cancel_timer(name, session.session_id)

    def taken_up(self, message: OpenKernel) -> Session | None:
        """The session that a new kernel for the same path goes on with, made ready for it; None if there is none, or
        the notebook's environment declines (``CAESURA_ATTACH=never``)."""
        env = message.environment.get("env") or {}
        if not message.name or message.session_id or env.get("CAESURA_ATTACH", "").strip().lower() == "never":
            return None
        key = self._core.environment_key(message.environment)
        offered = [s for s in self._core.live_sessions() if s.name == message.name and self._is_offered(s)]
        offered.sort(key=lambda s: s.kept_since or s.last_used)
        same = [session for session in offered if session.key == key]
        return self._take_up(same[-1], message) if same else None

    def notice(self, session: Session) -> str:
        """What a new session is told about an older one of its path that it does not go on with."""
        kept = [s for s in self._core.live_sessions() if s.is_kept and s.name == session.name and s.key != session.key]
        if not session.name or not kept:
            return ""
        python = kept[-1].environment.get("executable", "another Python")
        return (
            f"Variables of this notebook are kept in a session of {python}. Choose the kernel of that Python to go on "
            "with them; `caesura sessions` lists them.\n"
        )

    def _take_up(self, session: Session, message: OpenKernel) -> Session:
        points.reach("attach.begin")
        self._core.session.say_ended(session, 0, "")
        was_kept_since = session.kept_since or session.last_used
        session.connection = message.connection
        session.unsaid.clear()
        session.kernel_info.clear()
        self._core.session.adjust(session, message.environment)
        if session.worker is None and session.cell is None:
            session.notice += (
                f"This notebook goes on with the variables that it had at {clock_text(was_kept_since)}. "
                "Restart the kernel to begin anew.\n"
            )
        session.is_back = True
        if session.is_front_live:
            session.is_front_live = False
            self._core.put(UnbindFront(session.session_id))
        session_id = session.session_id
        self._core.persist(lambda records: records.mark_all_sent(session_id))
        return session

    def _is_offered(self, session: Session) -> bool:
        if session.kind is not Kind.NOTEBOOK or session.is_restarting:
            return False
        # A stub notices within seconds that its server is gone; a new server may be faster.
        return session.is_kept or (session.server is not None and not self._has_server(session))

    def say_state(self, session: Session) -> None:
        """To the clients of a notebook that was opened again: its cell is not over."""
        is_back, session.is_back = session.is_back, False
        if is_back:
            self._core.activity.say_busy(session)

    def is_new_to_clients(self, session: Session) -> bool:
        """Whether nobody has subscribed to it before, and nothing is to be told that they must not miss."""
        return session.is_back and session.cell is None


def holder_of(session: Session) -> Json:
    """For the records: ``server`` is the pid of the Jupyter Server and when it started."""
    return {
        "server": list(session.server) if session.server else None,
        "leaving": session.is_leaving,
        "kept_since": session.kept_since,
    }


def take_holder(session: Session, holder: Json) -> None:
    """What :func:`holder_of` said, from the records."""
    server = holder.get("server")
    session.server = (int(server[0]), str(server[1])) if server else None
    session.is_leaving = bool(holder.get("leaving"))
    session.kept_since = holder.get("kept_since")
