"""What a parked notebook answers without coming back: whether code is complete, its history, its comms.

What lives here: which requests those are, and where the answer comes from. What must not: the queue of the others
(``front_desk.py``). What cannot be answered for certain brings the notebook back as every other request does.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from caesura.coordinator.commands import CheckComplete, ReadHistory
from caesura.coordinator.history_file import can_answer
from caesura.coordinator.requests import Request
from caesura.coordinator.state import Session
from caesura.wire.messages import Json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_TYPES: Final = frozenset({"is_complete_request", "history_request", "comm_info_request"})


class ParkedAnswers:
    def __init__(self, core: Core) -> None:
        self._core = core

    def take(self, session: Session, request: Request) -> bool:
        """Whether the request is answered here, now or in a moment."""
        saved = session.saved
        if request.channel != "shell" or request.msg_type not in _TYPES or saved is None or not _is_parked(session):
            return False
        manifest, content = saved.manifest, request.content
        then = functools.partial(self._answered, session, request)
        match request.msg_type:
            case "comm_info_request" if "comms" in manifest:
                self._wait(session, request)
                then({"status": "ok", "comms": _comms(manifest["comms"], content)})
            case "history_request" if manifest.get("history") and can_answer(content):
                self._wait(session, request)
                history = manifest["history"]
                self._core.put(ReadHistory(history["file"], history["session"], content, then))
            case "is_complete_request" if manifest.get("has_plain_input"):
                self._wait(session, request)
                self._core.put(CheckComplete(session.key, str(content.get("code", "")), then))
            case _:
                return False
        return True

    def _wait(self, session: Session, request: Request) -> None:
        """It has its place in the queue, so that answers come in the order of the questions."""
        request.is_recorded = False
        session.queue.append(request)

    def _answered(self, session: Session, request: Request, content: Json | None) -> None:
        """``content`` of the reply; None if there is none, and the notebook has to say it itself."""
        if session.is_ended or not any(each is request for each in session.queue):
            return
        request.answer, request.is_recorded = content, content is None
        while session.queue and _is_at_rest(session) and (answer := session.queue[0].answer) is not None:
            self._core.desk.reply(session, session.queue.popleft(), answer)
        if not _is_at_rest(session) or any(each.is_recorded for each in session.queue):
            self._leave_to_worker(session)
        self._core.desk.pump(session)

    @staticmethod
    def _leave_to_worker(session: Session) -> None:
        """It comes back, and answers what is left itself."""
        for each in session.queue:
            if each.answer is not None:
                each.answer, each.is_recorded = None, True


def _is_parked(session: Session) -> bool:
    """Whether nothing is asked of it that brings it back."""
    return _is_at_rest(session) and all(each.msg_type in _TYPES and not each.is_recorded for each in session.queue)


def _is_at_rest(session: Session) -> bool:
    is_away = session.saved is not None and session.worker is None and session.move is None and not session.is_due
    return is_away and session.cell is None and session.current is None


def _comms(comms: dict[str, str], content: Json) -> dict[str, Any]:
    wanted = content.get("target_name")
    return {each: {"target_name": target} for each, target in comms.items() if wanted in (None, target)}
