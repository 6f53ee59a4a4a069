"""A coordinator small enough for the tests of one worker: it speaks the messages, records nothing, decides nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import caesura
from caesura.store.home import open_home
from caesura.wire import Decoder
from caesura.wire.messages import (
    Acked,
    Answered,
    Attach,
    CellDone,
    Deliver,
    Fork,
    Forked,
    Freeze,
    Go,
    Hello,
    Interrupt,
    Loaded,
    Message,
    Numbered,
    Output,
    Prepared,
    Verdict,
    Welcome,
    WorkerExited,
    ZygoteReady,
    pack,
    unpack,
)

DEADLINE_S = 30.0


@dataclass
class Reply:
    """What came of one execute request."""

    messages: list[Output] = field(default_factory=list)
    done: CellDone | None = None

    def contents(self, msg_type: str) -> list[dict[str, Any]]:
        return [content_of(output) for output in self.messages if output.msg_type == msg_type]

    @property
    def types(self) -> list[str]:
        return [output.msg_type for output in self.messages]

    @property
    def text(self) -> str:
        return "".join(content["text"] for content in self.contents("stream") if content["name"] == "stdout")

    @property
    def errors(self) -> list[str]:
        return [content["ename"] for content in self.contents("error")]

    @property
    def value(self) -> str:
        return self.contents("execute_result")[-1]["data"]["text/plain"]

    @property
    def reply(self) -> dict[str, Any]:
        return self.contents("execute_reply")[-1]


def content_of(output: Output) -> dict[str, Any]:
    return json.loads(output.buffers[output.idents + 3])


class Link:
    """One worker's connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.messages: list[Message] = []
        self.changed = threading.Condition()
        self.is_open = True
        self.acks = True
        self.lets_go = True
        self.interrupts = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        decoder = Decoder()
        while True:
            try:
                data = self.connection.recv(1 << 16)
            except OSError:
                data = b""
            with self.changed:
                if not data:
                    self.is_open = False
                    self.changed.notify_all()
                    return
                news = [unpack(body, buffers) for body, buffers in decoder.feed(data)]
                self.messages += news
                self.changed.notify_all()
            for message in news:
                if isinstance(message, Loaded) and self.lets_go:
                    self.send(Go(epoch=message.epoch, interrupt=self.interrupts))
            last = max((m.number for m in self.messages if isinstance(m, Numbered)), default=0)
            if last and self.acks:
                with suppress(OSError):
                    self.send(Acked(last=last))

    def send(self, message: Message) -> None:
        self.connection.sendall(b"".join(pack(message)))

    def close(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.thread.join(DEADLINE_S)
        self.connection.close()

    def wait(self, found: Callable[[list[Message]], Any], what: str = "a message") -> Any:
        """What ``found(messages)`` gives once it is not None."""
        with self.changed:
            if not self.changed.wait_for(lambda: found(self.messages) is not None or not self.is_open, DEADLINE_S):
                raise AssertionError(f"{what} did not come; there were {[type(m).__name__ for m in self.messages]}")
            result = found(self.messages)
            if result is None:
                raise AssertionError(f"the worker ended before {what}: {self.messages[-3:]}")
            return result

    def wait_for(self, kind: type[Any], **fields: Any) -> Any:
        def found(messages: list[Message]) -> Any:
            for message in reversed(messages):
                if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                    return message
            return None

        return self.wait(found, f"{kind.__name__} {fields}")

    def wait_until_closed(self) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: not self.is_open, DEADLINE_S), "the worker did not end"


class FakeCoordinator:
    """Starts a zygote and workers of one session in ``home``."""

    def __init__(self, home: Path, *, python: str = sys.executable) -> None:
        self.home = open_home(home)
        self.path = str(home / "run" / "c.sock")
        self.python = python
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen()
        self.session_id = uuid.uuid4().hex
        self.epoch = 0
        self.next_number = 1
        self.pids: set[int] = set()
        self.streams: dict[str, bytes] = {}  # of snapshots, by the tag of the manifest
        self.links: list[Link] = []
        self.cells = 0
        self.environment: dict[str, Any] = {"argv": ["--HistoryManager.hist_file=:memory:"]}
        self._start_zygote(home)

    def _start_zygote(self, home: Path) -> None:
        self.zygote, theirs = socket.socketpair()
        self.log = (home / "logs" / "zygote.log").open("ab")
        self.process = subprocess.Popen(
            [self.python, "-m", "caesura.worker.zygote", "--fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=home / "run",
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        theirs.close()
        self.decoder = Decoder()
        self.said: list[Message] = []
        self.ready: ZygoteReady = self.hear(ZygoteReady)

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return {
            **kept,
            "PYTHONPATH": str(Path(caesura.__file__).parents[1]),
            "CAESURA_HOME": str(self.home.path),
            "CAESURA_SOCKET": self.path,
            "PYTHONHASHSEED": str(self.home.hash_seed),
            "IPYTHONDIR": str(self.home.path / "ipython"),
        }

    def hear(self, kind: type[Any], **fields: Any) -> Any:
        """The next message of the zygote of this kind."""
        self.zygote.settimeout(DEADLINE_S)
        while True:
            for message in self.said:
                if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                    self.said.remove(message)
                    return message
            data = self.zygote.recv(1 << 16)
            assert data, "the zygote ended: " + (self.home.path / "logs" / "zygote.log").read_text()[-3000:]
            self.said += [unpack(body, buffers) for body, buffers in self.decoder.feed(data)]

    # --- workers ----------------------------------------------------------------------------------------------------

    def fork(self, cwd: str = "") -> Link:
        """A forked worker that has said hello and been welcomed."""
        worker_id = uuid.uuid4().hex[:8]
        variables = {**self.variables(), "CAESURA_MARK": "forked"}
        request = Fork(worker_id=worker_id, cwd=cwd or str(self.home.path), env=variables)
        self.zygote.sendall(b"".join(pack(request)))
        self.pid = self.hear(Forked, worker_id=worker_id).pid
        self.worker_id = worker_id
        self.pids.add(self.pid)
        return self.accept()

    def accept(self) -> Link:
        self.server.settimeout(DEADLINE_S)
        connection, _ = self.server.accept()
        link = Link(connection)
        self.links.append(link)
        link.hello = link.wait_for(Hello)
        link.send(Welcome(pid=os.getpid()))
        self.link = link
        return link

    def attach(self, manifest: dict[str, Any] | None = None, *, interrupt: bool = False, **fields: Any) -> Link:
        """Fork a worker and give it the session, in the state of ``manifest``; with ``interrupt`` it is interrupted as
        soon as it may go on."""
        if manifest is not None and manifest["tag"] in self.streams:
            buffers = fields.setdefault("buffers", ())
            fields["stream"], fields["buffers"] = len(buffers), (*buffers, self.streams[manifest["tag"]])
        link = self.fork(fields.pop("cwd", ""))
        link.interrupts = interrupt
        self.epoch += 1
        self.link.send(
            Attach(
                session_id=self.session_id,
                epoch=self.epoch,
                kind=fields.pop("kind", "notebook"),
                environment=self.environment,
                next_number=self.next_number,
                manifest=manifest,
                **fields,
            )
        )
        return link

    # --- cells ------------------------------------------------------------------------------------------------------

    def request(self, msg_type: str, content: dict[str, Any], channel: str = "shell") -> str:
        """Deliver a request; its id."""
        self.cells += 1
        msg_id = f"request-{self.cells}"
        header = {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "username": "u",
            "session": "s",
            "version": "5.3",
            "date": "2026-11-24T10:00:00.000000Z",
        }
        frames = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        cell_id = msg_id if msg_type == "execute_request" else ""
        self.link.send(
            Deliver(channel=channel, idents=1, msg_type=msg_type, cell_id=cell_id, buffers=(b"client", *frames))
        )
        return msg_id

    def start(self, code: str, **content: Any) -> str:
        return self.request("execute_request", {"code": code, "allow_stdin": False, **content})

    def outputs(self, cell_id: str, links: tuple[Link, ...] = ()) -> Reply:
        """What has come for a cell, from the present worker and ``links``."""
        reply = Reply()
        for link in (*links, self.link):
            for message in link.messages:
                if isinstance(message, Output) and message.parent_id == cell_id:
                    reply.messages.append(message)
                elif isinstance(message, CellDone) and message.cell_id == cell_id:
                    reply.done = message
        return reply

    def finish(self, cell_id: str, *links: Link) -> Reply:
        """Wait until a cell is done."""
        self.link.wait_for(CellDone, cell_id=cell_id)
        return self.outputs(cell_id, links)

    def run(self, code: str, **content: Any) -> Reply:
        return self.finish(self.start(code, **content))

    def ask(self, msg_type: str, content: dict[str, Any], channel: str = "shell") -> Reply:
        """A request other than execute, up to its idle."""
        msg_id = self.request(msg_type, content, channel)

        def is_idle(messages: list[Message]) -> bool | None:
            for message in messages:
                is_status = isinstance(message, Output) and message.msg_type == "status"
                if is_status and message.parent_id == msg_id and content_of(message)["execution_state"] == "idle":
                    return True
            return None

        self.link.wait(is_idle, f"the idle of {msg_type}")
        return self.outputs(msg_id)

    def interrupt(self) -> None:
        self.link.send(Interrupt())

    def blocked(self, cell_id: str) -> Any:
        """Wait until the cell is blocked."""
        from caesura.wire.messages import Blocked

        return self.link.wait_for(Blocked, cell_id=cell_id)

    def answer(self, op_id: str, payload: bytes, *, ok: bool = True) -> None:
        self.link.send(Answered(op_id=op_id, ok=ok, at=time.time(), buffers=(payload,)))

    # --- moves ------------------------------------------------------------------------------------------------------

    def freeze(self, serial: int, *, abortable: bool = True) -> None:
        self.link.send(Freeze(epoch=self.epoch, serial=serial, abortable=abortable))

    def suspend(self, cell_id: str = "") -> dict[str, Any]:
        """Suspend the session in its present block and see the worker's process end; the manifest."""
        block = self.blocked(cell_id)
        self.freeze(block.serial)
        prepared: Prepared = self.link.wait_for(Prepared, serial=block.serial)
        self.next_number = prepared.last_number + 1
        self.verdict(block.serial, released=True)
        self.link.wait_until_closed()
        exited = self.hear(WorkerExited, worker_id=self.worker_id)
        self.pids.discard(exited.pid)
        assert exited.status == 0
        if prepared.buffers:
            self.streams[prepared.manifest["tag"]] = bytes(prepared.buffers[0])
        return prepared.manifest

    def verdict(self, serial: int, *, released: bool) -> None:
        self.link.send(Verdict(epoch=self.epoch, serial=serial, released=released))

    def close(self) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for link in self.links:
            link.close()
        self.zygote.close()
        self.process.wait(DEADLINE_S)
        self.server.close()
        self.log.close()
