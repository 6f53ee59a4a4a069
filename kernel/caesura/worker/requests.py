"""The requests of clients, on the main thread between two turns of the loop.

An execute request becomes a task. All others are answered at once, by ipykernel's own handlers.
"""

from __future__ import annotations

import inspect
import logging
import signal
from collections.abc import Callable
from typing import Any, Final

from caesura.wire.messages import Deliver
from caesura.worker.host import Host

log = logging.getLogger(__name__)

_COMMS: Final = frozenset({"comm_open", "comm_msg", "comm_close"})


def unpack_request(session: Any, message: Deliver) -> tuple[list[bytes], dict[str, Any]]:
    """Who sent it, and the request as :meth:`jupyter_client.session.Session.deserialize` gives it."""
    parts = [bytes(part) for part in message.buffers]
    idents, frames = parts[: message.idents], parts[message.idents :]
    return idents, session.deserialize([b"", *frames])


class Requests:
    """``execute`` starts a cell: (cell id, identities, request); ``post`` calls a function between two turns."""

    def __init__(
        self,
        host: Host,
        execute: Callable[[str, list[bytes], dict[str, Any]], None],
        is_cell_running: Callable[[], bool],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._host = host
        self._execute = execute
        self._has_cell = is_cell_running
        self._post = post
        self._is_cell_new = False
        self._behind: list[Deliver] = []

    def cell_began(self) -> None:
        """The cell makes its first step: what came before it is taken after it."""
        self._is_cell_new = False
        behind, self._behind = self._behind, []
        for message in behind:
            self.post(message)

    def post(self, message: Deliver) -> None:
        """Do what a client asks for, in its turn; from any thread."""
        self._post(lambda: self._take(message))

    def _take(self, message: Deliver) -> None:
        kernel, is_cell_running = self._host.kernel, self._has_cell()
        idents, request = unpack_request(kernel.session, message)
        if message.msg_type == "execute_request" and message.channel == "shell":
            self._is_cell_new = True
            self._execute(message.cell_id, idents, request)
        elif message.channel == "control":
            kernel.set_parent(idents, request, channel="control")
            handler = kernel.control_handlers.get(message.msg_type)
            self._answer(handler, "control", idents, request)
        elif is_cell_running and message.msg_type in _COMMS and self._is_cell_new:
            self._behind.append(message)  # it may be for a comm that the cell's first step makes
        elif is_cell_running and message.msg_type in _COMMS:
            # A cell that awaits may wait for a widget: the message is taken in between, under its own header.
            before = kernel._get_shell_context_var(kernel._shell_parent_ident), kernel.get_parent("shell")
            kernel.set_parent(idents, request)
            try:
                self._answer(kernel.shell_handlers.get(message.msg_type), "shell", idents, request)
            finally:
                kernel.set_parent(*before)
            # Widgets send their next message when they see idle; the notebook as a whole is busy still.
            kernel._publish_status("busy", "shell")
        else:
            kernel.set_parent(idents, request)
            self._answer(kernel.shell_handlers.get(message.msg_type), "shell", idents, request)

    def _answer(self, handler: Any, channel: str, idents: list[bytes], request: dict[str, Any]) -> None:
        kernel = self._host.kernel
        stream = self._host.control_socket if channel == "control" else self._host.shell_socket
        kernel._publish_status("busy", channel)
        self._call(handler, stream, idents, request)
        self._host.drain()
        kernel._publish_status("idle", channel, parent=request)

    def _call(self, handler: Any, stream: Any, idents: list[bytes], request: dict[str, Any]) -> None:
        if handler is None:
            log.warning("an unknown request: %s", request["msg_type"])
            return
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            answer = handler(stream, idents, request)
            if inspect.iscoroutine(answer):
                _run_at_once(answer)
        except KeyboardInterrupt:
            log.info("%s was interrupted", request["msg_type"])
        except Exception:
            log.exception("%s failed", request["msg_type"])
        finally:
            signal.signal(signal.SIGINT, before)


def _run_at_once(coroutine: Any) -> None:
    """Run a coroutine that does not wait for anything."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("a handler of the kernel waits for something, which it cannot do here")
