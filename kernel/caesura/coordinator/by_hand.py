"""What a user decides instead of the policy: interrupt, hold, release and bring back a cell, give up one call.

What lives here: the requests, and the decision that they stand for. What must not: how a session moves (``moves.py``),
what an interrupt is (``interrupts.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from caesura.coordinator.replacing import bring_back
from caesura.coordinator.session_requests import Answer, Refuse
from caesura.coordinator.state import Cell, Kind
from caesura.coordinator.status import describe_cell
from caesura.errors import UsageError
from caesura.model import CallKind
from caesura.policy import UNKNOWN, Decision
from caesura.runner.answer import Answer as CallAnswer
from caesura.wire.life import FINAL, CellState
from caesura.wire.messages import Json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_WAITING = (CellState.BLOCKED, CellState.HELD)


def decision_of(cell: Cell) -> Decision | None:
    """What the user has decided for the cell; None if that is left to the policy. A release counts once,
    the mark ``%%release`` of a cell for all its waits."""
    if cell.by_hand == "hold":
        return Decision("hold", None, None, UNKNOWN, "held here by hand until it is released")
    if cell.by_hand == "release":
        cell.by_hand = ""
        return Decision("suspend", None, None, UNKNOWN, "released by hand")
    if cell.by_hand == "always":
        return Decision("suspend", None, None, UNKNOWN, "its cell begins with %%release")
    return None


class ByHand:
    """Each method ``do_NAME`` gets the parameters of a request, and answers it or raises UsageError."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def do_interrupt(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """As the interrupt button of the notebook: what it does now ends with a KeyboardInterrupt."""
        session, cell = self._core.rpc.find(str(params["cell_id"]))
        self._check_is_not_over(cell)
        if cell is not session.cell:
            raise UsageError("The cell has not begun; cancel it instead.")
        self._core.interrupt.asked(session)
        answer(describe_cell(session, cell))

    def do_hold(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """Keep the cell in its process while it waits (``hold`` false: leave that to the policy again)."""
        session, cell = self._core.rpc.find(str(params["cell_id"]))
        self._check_is_not_over(cell)
        cell.by_hand = "hold" if params.get("hold", True) else ""
        self._core.decision.decide(session)
        self._core.watching.touch(session)
        answer(describe_cell(session, cell))

    def do_release(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """Let the process of a waiting cell go now, however short the wait may be."""
        session, cell = self._core.rpc.find(str(params["cell_id"]))
        self._check_is_not_over(cell)
        if cell is not session.cell or cell.state not in _WAITING:
            raise UsageError(f"The cell is {cell.state}; only one that waits in its process can be released.")
        if session.block is not None and session.block.obstacles:
            raise UsageError(f"The cell cannot be moved: {'; '.join(map(str, session.block.obstacles))}")
        cell.by_hand = "release"
        self._core.decision.decide(session)
        answer(describe_cell(session, cell))

    def do_bring_back(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """Give a suspended cell a process now, in which it waits on; it is held there."""
        core = self._core
        session, cell = core.rpc.find(str(params["cell_id"]))
        if cell is not session.cell or cell.state is not CellState.RELEASED or session.is_due:
            raise UsageError(f"The cell is {cell.state}; only one that is suspended can be brought back.")
        cell.by_hand = "hold"
        bring_back(core, session)
        answer(describe_cell(session, cell))

    def do_give_up_call(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """End one call: its await raises an error, and a function that runs for it is interrupted."""
        core = self._core
        operation = core.operations.get(str(params["op_id"]))
        if operation is None or not operation.is_pending:
            raise UsageError("Nobody waits for this call any more.")
        session = core.sessions.get(operation.session_id)
        if session is None or session.kind is Kind.CLIENT:
            raise UsageError("The call belongs to a program without a kernel, which has to give it up itself.")
        name = operation.label or operation.key
        core.cancel_timer("operation", operation.op_id)
        core.operation.answer(operation, CallAnswer(False, text=f"{name} was given up by hand."), is_cut_off=True)
        if operation.kind == CallKind.FUNCTION:
            core.function.cancel(operation)
        answer({"op_id": operation.op_id, "given_up": True})

    @staticmethod
    def _check_is_not_over(cell: Cell) -> None:
        if cell.state in FINAL:
            raise UsageError(f"The cell {cell.cell_id} is {cell.state} already.")
