"""A worker without a process: it speaks the protocol, and its one program says what it ran.

A cell or function is one word: ``pass``, ``fail``, ``loop`` (until it is interrupted), ``wait`` (for an event),
``wait twice``, ``sleep SECONDS`` or ``call WORD`` (a remote function that runs the word). It notes "before", and "after
VALUE" when its answer has come. Its state is all there is in a snapshot, so a trace of the notes shows whether anything
was lost or ran twice.
"""

from __future__ import annotations

import json
import pickle
import pickletools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from caesura.model import AtTime, CallKind, OnOp, Wait, wake_to_json
from caesura.wire import messages as wire
from caesura.wire.marks import mark_of

EVENT = "go"


@dataclass
class FakeWorker:
    """``received`` is what was sent to it and not yet looked at; ``sent`` what it sent and nobody has read."""

    worker_id: str
    pid: int
    trace: list[str]
    is_alive: bool = True
    is_linked: bool = False
    received: deque[wire.Message] = field(default_factory=deque)
    sent: deque[wire.Message] = field(default_factory=deque)
    unacked: list[wire.Numbered] = field(default_factory=list)
    session_id: str = ""
    epoch: int = 0
    next_number: int = 1
    serial: int = 0
    kind: str = "notebook"
    memory: dict[str, Any] = field(default_factory=dict)
    block: wire.Blocked | None = None
    phase: str = "new"
    freeze: wire.Freeze | None = None
    prepared: wire.Prepared | None = None
    late: list[wire.Message] = field(default_factory=list)
    load_error: str = ""
    obstacles: list[dict[str, Any]] = field(default_factory=list)  # between cells
    save_obstacles: list[dict[str, Any]] = field(default_factory=list)  # found by a save, as long as they are there
    attach: wire.Attach | None = None  # loaded, and not yet allowed to go on
    early: list[wire.Message] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0
    untouched: tuple[int, int] = (0, 0)  # the mark of caesura.worker.untouched: epoch, serial

    # --- sending ----------------------------------------------------------------------------------------------------

    def say(self, message: wire.Message) -> None:
        self.sent.append(message)

    def _number(self) -> dict[str, int]:
        number, self.next_number = self.next_number, self.next_number + 1
        return {"epoch": self.epoch, "number": number}

    def _say_numbered(self, message: wire.Numbered) -> None:
        self.unacked.append(message)
        self.say(message)

    def output(self, channel: str, msg_type: str, content: dict[str, Any], idents: list[bytes] | None = None) -> None:
        header = self.memory["header"]
        frames = [json.dumps({"msg_type": msg_type}), json.dumps(header), "{}", json.dumps(content)]
        idents = [b"topic"] if idents is None else idents
        self._say_numbered(
            wire.Output(
                **self._number(),
                channel=channel,
                idents=len(idents),
                msg_type=msg_type,
                parent_id=header.get("msg_id", ""),
                buffers=(*idents, *(frame.encode() for frame in frames)),
            )
        )

    # --- receiving --------------------------------------------------------------------------------------------------

    def take(self) -> None:
        """Look at the next message."""
        message = self.received.popleft()
        if not isinstance(message, wire.Verdict | wire.Acked):
            self.untouched = (0, 0)
        match message:
            case wire.Attach():
                self._attach(message)
            case wire.Go() if self.attach is not None:
                self._go(self.attach, message)
            case wire.Acked(last=last):
                self.unacked = [kept for kept in self.unacked if kept.number > last]
            case wire.Freeze():
                self._freeze(message)
            case wire.Verdict():
                self._verdict(message)
            case wire.Exit():
                self.is_alive = False
            case wire.Deliver(msg_type="comm_msg" | "comm_close") if self._has_cell():
                self.trace.append(message.msg_type)
            case wire.Deliver():
                self._deliver(message)
            case wire.Answered() | wire.Interrupt():
                if self.phase in ("saving", "waiting"):
                    self._while_frozen(message)
                elif self.attach is not None:
                    self.early.append(message)
                else:
                    self._act(message)

    def _has_cell(self) -> bool:
        return "waits_for" in self.memory or "loops" in self.memory

    def _attach(self, message: wire.Attach) -> None:
        self.session_id, self.epoch, self.next_number = message.session_id, message.epoch, message.next_number
        self.kind = message.kind
        if self.load_error:
            self.say(wire.LoadFailed(epoch=self.epoch, reason=self.load_error))
            return
        self.attach = message
        self.say(wire.Loaded(epoch=self.epoch, seconds=0.01))

    def _go(self, message: wire.Attach, go: wire.Go) -> None:
        self.attach = None
        self.phase = "running"
        self.say(wire.Going(epoch=self.epoch))
        if message.manifest is None and self.kind == "function":
            assert message.cell is not None
            self.memory = {"header": message.cell["parent"], "cell_id": message.cell["cell_id"], "idents": []}
            self._begin(bytes(message.buffers[0]).decode())
            return
        if message.manifest is None:
            self._idle()
            return
        self.memory = json.loads(json.dumps(message.manifest["memory"]))
        if message.cell is None:
            self._idle()
            return
        for answer in message.answers:
            self._act(
                wire.Answered(
                    op_id=answer["op_id"],
                    ok=answer["ok"],
                    at=answer["at"],
                    text=answer["text"],
                    buffers=(message.buffers[answer["buffer"]],),
                )
            )
        if go.interrupt:
            self._act(wire.Interrupt())
        early, self.early = self.early, []
        for each in early:
            self._act(each)
        if self.memory.get("waits_for") or self.memory.get("until"):
            self._blocked()
            self.look_at_clock()

    def look_at_clock(self) -> None:
        """What sleeps and is due wakes up."""
        if self.phase == "running" and self.memory.get("until", 1e99) <= self.now():
            del self.memory["until"]
            self.untouched = (0, 0)
            self._unblock()
            self.trace.append(f"woke at {self.now():g}")
            self._finish("ok")

    def _deliver(self, message: wire.Deliver) -> None:
        idents = message.buffers[: message.idents]
        header, _, _, content = (json.loads(bytes(frame)) for frame in message.buffers[message.idents :][:4])
        variables = self.memory.get("variables", 0)
        self.memory = {
            "header": header,
            "idents": [bytes(ident).decode() for ident in idents],
            "cell_id": message.cell_id,
            "variables": variables + 1,
        }
        self.block = None
        if message.msg_type != "execute_request":
            self.output("iopub", "status", {"execution_state": "busy"})
            self.output("shell", message.msg_type.replace("request", "reply"), {"status": "ok"}, [b"client"])
            self.output("iopub", "status", {"execution_state": "idle"})
            self._idle()
            return
        self._say_numbered(wire.CellStarted(**self._number(), cell_id=message.cell_id))
        self.output("iopub", "status", {"execution_state": "busy"})
        self._begin(content["code"])

    def _begin(self, code: str) -> None:
        name = "function " if self.kind == "function" else ""
        self.trace.append(f"{name}before")
        self.output("iopub", "stream", {"name": "stdout", "text": name})
        code = code if mark_of(code) == "" else code.rpartition("\n")[2]
        if code == "loop":
            self.memory["loops"] = True
            return
        if code.startswith("sleep "):
            self.memory["until"] = self.now() + float(code.removeprefix("sleep "))
            self.memory["since"] = self.now()
            self._blocked()
            return
        if code == "fail":
            self._finish("error", "ValueError")
            return
        if not code.startswith(("wait", "call ")):
            self._finish("ok")
            return
        self.memory["is_to_wait_again"] = code == "wait twice"
        self._wait(code, f"op-{self.memory['cell_id']}")

    def _wait(self, code: str, op_id: str) -> None:
        cell_id = self.memory["cell_id"]
        self.memory["waits_for"], self.memory["since"] = op_id, self.now()
        is_event = code.startswith("wait")
        word, _, options = code.removeprefix("call ").partition(" with ")
        self._say_numbered(
            wire.Call(
                **self._number(),
                op_id=op_id,
                kind="event" if is_event else "function",
                key=f"event:{EVENT}" if is_event else f"function:{word}",
                label=EVENT if is_event else word,
                cell_id=cell_id,
                options=json.loads(options or "{}"),
                parent=self.memory["header"],
                buffers=(word.encode(),),
            )
        )
        self._blocked()

    # --- the program ------------------------------------------------------------------------------------------------

    def _act(self, message: wire.Message) -> None:
        op_id = self.memory.get("waits_for")
        match message:
            case wire.Answered() if message.op_id == op_id:
                self._unblock()
                name = "function " if self.kind == "function" else ""
                self.trace.append(f"{name}after {message.text or _plain(bytes(message.buffers[0]))}")
                if self.memory.pop("is_to_wait_again", False):
                    self._wait("wait", f"{op_id}-again")
                else:
                    self._finish("ok")
            case wire.Interrupt() if op_id or self.memory.get("loops") or self.memory.get("until"):
                self.memory.pop("until", None)
                self._unblock()
                self.trace.append("interrupted")
                if op_id:
                    self._say_numbered(wire.CancelCall(**self._number(), op_id=op_id))
                self._finish("error", "KeyboardInterrupt")

    def _unblock(self) -> None:
        self.memory.pop("waits_for", None)
        if self.block is not None:
            self.say(wire.Unblocked(epoch=self.epoch, serial=self.serial))
            self.block = None

    def _finish(self, status: str, error: str = "") -> None:
        self.memory.pop("loops", None)
        if self.kind == "function":
            result = pickle.dumps(21 if status == "ok" else error, protocol=5)
            self._say_numbered(wire.FunctionDone(**self._number(), ok=status == "ok", buffers=(result,)))
            return
        idents = [ident.encode() for ident in self.memory["idents"]]
        self.output("shell", "execute_reply", {"status": status, "ename": error}, idents)
        self.output("iopub", "status", {"execution_state": "idle"})
        done = wire.CellDone(**self._number(), cell_id=self.memory["cell_id"], status=status, error=error)
        self._say_numbered(done)
        self._idle()

    def _idle(self) -> None:
        self.phase = "running"
        self._say_block("", [], {"any": []})

    def _blocked(self) -> None:
        if until := self.memory.get("until"):
            timer = Wait("", CallKind.TIMER, "timer", "sleep", self.memory["since"], until)
            self._say_block(self.memory["cell_id"], [wire.wait_to_json(timer)], wake_to_json(AtTime(until)))
            return
        op_id = self.memory["waits_for"]
        wait = Wait(op_id, CallKind.EVENT, f"event:{EVENT}", EVENT, self.memory["since"])
        self._say_block(self.memory["cell_id"], [wire.wait_to_json(wait)], wake_to_json(OnOp(op_id)))

    def _say_block(self, cell_id: str, waits: list[dict[str, Any]], wake: dict[str, object]) -> None:
        self.serial += 1
        self.block = wire.Blocked(
            epoch=self.epoch,
            serial=self.serial,
            cell_id=cell_id,
            waits=waits,
            obstacles=[] if cell_id else self.obstacles,
            wake=wake,
            since=self.memory.get("since", 0.0) if cell_id else 0.0,
        )
        self.say(self.block)

    # --- freezing ---------------------------------------------------------------------------------------------------

    def _freeze(self, message: wire.Freeze) -> None:
        if self.block is None or self.block.serial != message.serial:
            self.say(wire.NotSaved(epoch=self.epoch, serial=message.serial, aborted=True))
            return
        self.freeze, self.phase = message, "saving"
        self.say(wire.Frozen(epoch=self.epoch, serial=message.serial, last_number=self.next_number - 1))

    def _while_frozen(self, message: wire.Message) -> None:
        if not isinstance(message, wire.Interrupt) or message not in self.late:
            self.late.append(message)
        assert self.freeze is not None
        if self.phase == "saving" and (self.freeze.abortable or isinstance(message, wire.Interrupt)):
            self.phase = "running"
            self.say(wire.NotSaved(epoch=self.epoch, serial=self.freeze.serial, aborted=True))
            self._catch_up()

    def save(self) -> None:
        """The snapshot is on disk."""
        assert self.freeze is not None
        assert self.block is not None
        if self.save_obstacles:
            self.phase = "running"
            found = list(self.save_obstacles)
            self.say(wire.NotSaved(epoch=self.epoch, serial=self.freeze.serial, aborted=False, obstacles=found))
            self._catch_up()
            return
        self.phase = "waiting"
        self.prepared = wire.Prepared(
            epoch=self.epoch,
            serial=self.freeze.serial,
            manifest={
                "memory": dict(self.memory),
                "stream": ["blob", 1, 0],
                "buffers": [],
                "frames": [{"function": "ask", "cell": 1, "line": 3, "variables": [["n", "int", "3"]], "more": 0}],
            },
            last_number=self.next_number - 1,
            size_bytes=1000,
            seconds=0.01,
            waits=self.block.waits,
            wake=self.block.wake,
            pending=[self.memory["waits_for"]] if self.memory.get("waits_for") else [],
        )
        self.say(self.prepared)

    def _verdict(self, message: wire.Verdict) -> None:
        assert self.freeze is not None
        assert message.serial == self.freeze.serial
        if message.released:
            self.is_alive = False
            return
        self.phase = "running"
        self.prepared = None
        if not self.late:
            self.untouched = (self.epoch, message.serial)
        self._catch_up()

    def _catch_up(self) -> None:
        late, self.late = self.late, []
        for message in late:
            self._act(message)

    # --- a lost link ------------------------------------------------------------------------------------------------

    def hello(self) -> wire.Hello:
        return wire.Hello(
            role="worker", pid=self.pid, worker_id=self.worker_id, session_id=self.session_id, epoch=self.epoch
        )

    def comes_back(self) -> None:
        """What it says after its link was restored."""
        self.sent.clear()
        self.received.clear()
        self.sent.extend(self.unacked)
        if self.attach is not None:
            self.say(wire.Loaded(epoch=self.epoch, seconds=0.01))
            return
        self.say(wire.Going(epoch=self.epoch))
        if self.phase == "waiting" and self.prepared is not None:
            self.say(self.prepared)
        elif self.phase == "saving":
            pass
        elif self.block is not None:
            self.say(self.block)


def _plain(payload: bytes) -> str:
    """The number or word in a pickled scalar, without unpickling: the last printable run that is one."""
    values = [argument for _, argument, _ in pickletools.genops(payload) if isinstance(argument, int | str)]
    return str(values[-1])
