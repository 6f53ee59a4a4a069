"""A backend that carries nothing out: the test answers."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import dataclass, field
from typing import Any

from caesura.calls import Current
from caesura.calls.delivery import deliver
from caesura.loop import Holds, Operations
from caesura.model import CallKind
from caesura.wire.messages import Answered, Json


@dataclass(frozen=True)
class Started:
    op_id: str
    kind: CallKind
    key: str
    label: str
    payload: bytes
    options: Json
    parent: Json


@dataclass
class FakeBackend:
    loop: asyncio.AbstractEventLoop | None = None
    namespace: dict[str, object] = field(default_factory=dict)
    operations: Operations = field(default_factory=Operations)
    holds: Holds | None = field(default_factory=Holds)
    started: list[Started] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    refusal: Exception | None = None
    reported: list[tuple[float, float]] = field(default_factory=list)

    def start(
        self, op_id: str, kind: CallKind, key: str, label: str, payload: bytes, options: Json, parent: Json
    ) -> None:
        assert op_id in self.operations
        if self.refusal is not None:
            raise self.refusal
        self.started.append(Started(op_id, kind, key, label, payload, options, parent))

    def cancel(self, op_id: str) -> None:
        self.cancelled.append(op_id)

    def progress(self, done: float, total: float) -> None:
        self.reported.append((done, total))

    def parent(self) -> Json:
        return {"msg_id": "the cell's"}

    def current(self) -> Current:
        return Current("cell", "session", 2, "worker", 77, 1)

    def answer(self, op_id: str, value: object, *, ok: bool = True) -> None:
        """Answer with a pickled value or exception."""
        self.say(Answered(op_id=op_id, ok=ok, at=0.0, buffers=(pickle.dumps(value),)))

    def say(self, answer: Answered) -> None:
        deliver(self.operations, answer, self.namespace)

    def carry_out(self, number: int = -1) -> Any:
        """The function, arguments and keywords of a started call."""
        return pickle.loads(self.started[number].payload)
