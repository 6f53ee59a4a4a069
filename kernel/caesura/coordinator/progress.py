"""How far remote functions are, by their own account: when they will end, and a bar in the cell that waits for them.

What lives here: from reports to an expected end and a bar. What must not: what that means for the cell
(``decisions.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from caesura.coordinator.commands import FrontPublish
from caesura.coordinator.state import Kind, Operation, Session
from caesura.model import Wait
from caesura.wire.life import FINAL

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_SHOWN_EVERY_S: Final = 0.25
_WIDTH: Final = 40


class Progress:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._first: dict[str, tuple[float, float]] = {}  # operation → when it first said how far it was
        self._ends: dict[str, float] = {}
        self._shown: dict[str, float] = {}

    def reported(self, session: Session, done: float, total: float) -> None:
        """The function that runs in ``session`` says that ``done`` of ``total`` is done."""
        core, now = self._core, self._core.now
        operation = core.operations.get(session.parent_op)
        if operation is None or not operation.is_pending or not 0 <= done <= total or total <= 0:
            return
        op_id = operation.op_id
        first_at, first = self._first.setdefault(op_id, (now, done))
        begun_at, begun = (first_at, first) if done > first else (operation.created, 0.0)
        if done > begun and now > begun_at:
            self._ends[op_id] = now + (now - begun_at) * (total - done) / (done - begun)
            core.decision.learned(operation.key)
        self._show(operation, done / total)

    def expected(self, wait: Wait) -> Wait:
        """``wait`` under the key of its history, and with the end that its function's progress promises, if any."""
        operation, due = self._core.operations.get(wait.op_id), self._ends.get(wait.op_id, wait.due)
        key = wait.key if operation is None else operation.key
        return wait if (key, due) == (wait.key, wait.due) else replace(wait, key=key, due=due)

    def is_over(self, op_id: str) -> None:
        """Nobody waits for the operation any more."""
        for known in (self._first, self._ends, self._shown):
            known.pop(op_id, None)

    def _show(self, operation: Operation, share: float) -> None:
        core, now = self._core, self._core.now
        op_id, shown_at = operation.op_id, self._shown.get(operation.op_id)
        if shown_at is not None and share < 1 and now < shown_at + _SHOWN_EVERY_S:
            return
        caller = core.sessions.get(operation.session_id)
        root = None if caller is None else core.root_of(caller)
        if root is None or root.kind is not Kind.NOTEBOOK or not root.is_front_live or not operation.parent:
            return
        if root.cell is None or root.cell.state in FINAL:
            return
        self._shown[op_id] = now
        filled = round(_WIDTH * share)
        bar = f"{operation.label} {'█' * filled}{'░' * (_WIDTH - filled)} {share:.0%}"
        content = {"data": {"text/plain": bar}, "metadata": {}, "transient": {"display_id": f"progress-{op_id}"}}
        msg_type = "display_data" if shown_at is None else "update_display_data"
        core.say(root, FrontPublish(root.session_id, msg_type, content, operation.parent))
