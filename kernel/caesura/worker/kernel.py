"""IPython's kernel, speaking to the coordinator instead of ZeroMQ sockets."""

from __future__ import annotations

import importlib
import logging
import os
import queue
import sys
import tempfile
import zlib
from typing import Any, Final, cast

from ipykernel.compiler import XCachingCompiler, get_tmp_hash_seed, murmur2_x86
from ipykernel.ipkernel import IPythonKernel
from jupyter_client.session import Session
from traitlets import Any as AnyTrait
from traitlets import Type, observe, validate
from traitlets.config import Config

from caesura.worker.jupyter_socket import JupyterSocket

IMPLEMENTATION: Final = "caesura"

log = logging.getLogger(__name__)


class CellCompiler(XCachingCompiler):  # type: ignore[misc]
    """Names the code of a cell after the session and its text, so that every worker gives it the same name.

    The name looks like ipykernel's (``/tmp/ipykernel_NUMBER/HASH.py``), with a number that belongs to the session.
    """

    session_number = 0

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        named = os.environ.get("IPYKERNEL_CELL_NAME")
        if named is not None:
            return named
        digest = murmur2_x86(raw_code, get_tmp_hash_seed())
        return os.path.join(tempfile.gettempdir(), f"ipykernel_{type(self).session_number}", f"{digest}.py")


class CaesuraKernel(IPythonKernel):  # type: ignore[misc]
    """One per process. ``replies`` holds what clients answer to ``input()``: the content of each input_reply."""

    implementation = IMPLEMENTATION
    implementation_version = ""
    compiler_class = Type(CellCompiler)
    replies: Any = AnyTrait()  # queue.SimpleQueue[dict[str, Any]]

    @property
    def kernel_info(self) -> dict[str, Any]:
        """The content of a kernel_info_reply; without what a session that moves cannot keep (subshells, debugger)."""
        return {**super().kernel_info, "supported_features": []}

    @validate("eventloop")
    def _refuse_windows(self, proposal: Any) -> Any:
        """``%gui`` with anything but asyncio, whose loop runs anyway."""
        loop = proposal["value"]
        if loop is not None and getattr(loop, "__name__", "") != "loop_asyncio":
            raise ValueError(
                "The windows of a GUI belong to one process, and this notebook may go on in another one. Use "
                "`%matplotlib inline` or `%matplotlib widget`, or a python3 kernel."
            )
        return loop

    @observe("eventloop")
    def _update_eventloop(self, change: Any) -> None:
        """Nothing has to be entered: the cell loop runs all the time."""

    def _input_request(self, prompt: str, ident: Any, parent: Any, password: bool = False) -> str:
        sys.stdout.flush()
        sys.stderr.flush()
        while not self.replies.empty():
            self.replies.get_nowait()  # an answer to an input() that was interrupted
        self.session.send(
            self.stdin_socket, "input_request", {"prompt": prompt, "password": password}, parent, ident=ident
        )
        try:
            value = str(self.replies.get().get("value", ""))
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Interrupted by user") from None
        if value == "\x04":
            raise EOFError
        return value

    def rename(self, session_id: str) -> None:
        """Become the kernel of a session: what names it in messages is the same in every worker."""
        self.session.session = session_id
        self.session.pid = os.getpid()
        self.session.username = os.environ.get("USER", "username")
        self.ident = session_id
        self.shell.displayhook.topic = self._topic("execute_result")
        CellCompiler.session_number = zlib.crc32(session_id.encode()) % 10_000_000


def make_kernel() -> CaesuraKernel:
    """The kernel and its shell, not connected to anything.

    Nothing of a user, no thread, no open file: it is made before a zygote forks.
    """
    _leave_debugger_out()
    config = Config()
    config.HistoryManager.enabled = False  # SQLite and its thread must not be there before a fork
    session = Session(key=b"", check_pid=False)
    kernel: CaesuraKernel = CaesuraKernel.instance(
        config=config,
        log=log,
        session=session,
        iopub_socket=JupyterSocket("iopub"),
        stdin_socket=JupyterSocket("stdin"),
        user_ns=None,
    )
    kernel.replies = queue.SimpleQueue()
    kernel.shell.config.HistoryManager.pop("enabled", None)
    return kernel


def _leave_debugger_out() -> None:
    """Have ipykernel do without its debugger, which a session that moves cannot have: debugpy costs 30 ms to import."""
    if "ipykernel.debugger" not in sys.modules:
        modules = cast("dict[str, Any]", sys.modules)
        modules.setdefault("debugpy", None)
        try:
            importlib.import_module("ipykernel.debugger")
        finally:
            if modules["debugpy"] is None:
                del modules["debugpy"]
