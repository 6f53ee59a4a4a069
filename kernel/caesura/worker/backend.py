"""How ``caesura.remote``, ``caesura.event`` and ``caesura.current`` reach the coordinator from inside a worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from caesura.calls.backend import Current
from caesura.calls.delivery import deliver
from caesura.loop import CellLoop, Delivery, Holds, Operations
from caesura.model import CallKind
from caesura.wire.messages import Answered, Call, CancelCall, Json, Progress
from caesura.worker.channel import Channel
from caesura.worker.host import Main


class WorkerBackend:
    """The :class:`caesura.calls.backend.Backend` of a worker; ``worker_id`` is set when it is known, ``session_id``
    and ``epoch`` when it attaches."""

    def __init__(
        self,
        channel: Channel,
        loop: CellLoop,
        namespace: dict[str, object],
        main: Callable[[], Main | None],
    ) -> None:
        self._channel = channel
        self._loop = loop
        self._namespace = namespace
        self._main = main
        self.worker_id = ""
        self.session_id = ""
        self.epoch = 0

    @property
    def loop(self) -> CellLoop:
        return self._loop

    @property
    def namespace(self) -> dict[str, object]:
        return self._namespace

    @property
    def operations(self) -> Operations:
        return self._loop.operations

    @property
    def holds(self) -> Holds:
        return self._loop.holds

    def start(
        self, op_id: str, kind: CallKind, key: str, label: str, payload: bytes, options: Json, parent: Json
    ) -> None:
        main = self._main()
        self._channel.send(
            Call(
                epoch=0,
                number=0,  # both are put in when it is sent
                op_id=op_id,
                kind=str(kind),
                key=key,
                label=label,
                cell_id="" if main is None else main.cell_id,
                options=options,
                parent=parent,
                buffers=(payload,),
            )
        )

    def cancel(self, op_id: str) -> None:
        self._channel.send(CancelCall(epoch=0, number=0, op_id=op_id))

    def progress(self, done: float, total: float) -> None:
        main = self._main()
        if main is not None and main.kind == "function":
            self._channel.send(Progress(epoch=self.epoch, done=done, total=total))

    def parent(self) -> Json:
        """The header under which text would be printed here and now."""
        header: dict[str, Any] = getattr(sys.stdout, "parent_header", {})
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in dict(header).items()
        }

    def current(self) -> Current:
        main = self._main()
        return Current(
            cell_id=None if main is None else main.cell_id,
            session_id=self.session_id,
            epoch=self.epoch,
            worker_id=self.worker_id,
            worker_pid=os.getpid(),
            moves=None if main is None else main.moves,
        )

    def deliver(self, answer: Answered) -> None:
        """Resolve the call that ``answer`` belongs to."""
        deliver(self._loop.operations, answer, self._namespace)

    def delivery(self, answer: Json, buffers: tuple[Any, ...]) -> Delivery:
        """An answer that came with an Attach, for the replay."""
        answered = Answered(
            op_id=answer["op_id"],
            ok=answer["ok"],
            at=answer["at"],
            uncertain=bool(answer.get("uncertain", False)),
            text=str(answer.get("text", "")),
            buffers=(buffers[answer["buffer"]],),
        )
        return Delivery(answered.at, lambda: self.deliver(answered))
