"""Kernels of both kinds for the benchmarks: plain ``python3`` and Caesura on a home of its own.

Nothing here measures; it starts, runs and stops. Times are seconds; ``at`` is a time of ``time.time()``.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory

from caesura.client import Client
from caesura.config import read_connection

TIMEOUT_S = 300.0

# Ours is not among the entry points where the package is only on the path, and not installed.
KernelProvisionerFactory.instance().provisioners.setdefault(
    "caesura",
    EntryPoint("caesura", "caesura.provisioner:CaesuraProvisioner", KernelProvisionerFactory.GROUP_NAME),
)


@dataclass
class Run:
    """One executed cell: when it was sent, and when which message came back."""

    sent_at: float
    reply_at: float = 0.0
    idle_at: float = 0.0
    texts: list[tuple[float, str]] = field(default_factory=list)
    error: str = ""

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.texts)


class Kernel:
    """One kernel with its client."""

    def __init__(self, manager: KernelManager, env: dict[str, str]) -> None:
        self.started_at = time.time()
        self._manager = manager
        manager.start_kernel(env=env)
        self._runs: dict[str, Run] = {}
        self.come_back()

    def come_back(self) -> None:
        """With a new client."""
        self._client: BlockingKernelClient = self._manager.client()
        self._client.start_channels(stdin=False, hb=False, control=False)

    def leave(self) -> None:
        """The client goes, the kernel stays."""
        self._client.stop_channels()

    @property
    def pid(self) -> int:
        """Of the process that Jupyter started: the kernel, or for Caesura the stub."""
        return int(self._manager.provisioner.process.pid)

    def ready(self) -> float:
        """Wait until it is ready; seconds from the start to the first reply. ``wait_for_ready`` listens for another
        0.2 s, which belong to no kernel."""
        self._client.kernel_info()
        self._client.get_shell_msg(timeout=TIMEOUT_S)
        taken_s = time.time() - self.started_at
        self._client.wait_for_ready(timeout=TIMEOUT_S)
        return taken_s

    def submit(self, code: str) -> str:
        sent_at = time.time()
        msg_id = str(self._client.execute(code, allow_stdin=False))
        self._runs[msg_id] = Run(sent_at)
        return msg_id

    def run(self, code: str) -> Run:
        return self.wait(self.submit(code))

    def wait(self, msg_id: str) -> Run:
        run = self._runs[msg_id]
        self._pump(lambda: bool(run.reply_at and run.idle_at))
        if run.error:
            raise RuntimeError(f"a cell failed: {run.error}")
        return run

    def wait_for_line(self, msg_id: str, lines: int = 1) -> Run:
        """Until the cell has printed that many lines."""
        run = self._runs[msg_id]
        self._pump(lambda: run.text.count("\n") >= lines)
        return run

    def look(self) -> None:
        """Take what has come, without waiting for more."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._take(self._client.get_iopub_msg(timeout=0.001), time.time())
        with contextlib.suppress(queue.Empty):
            while True:
                self._take(self._client.get_shell_msg(timeout=0), time.time())

    def text_of(self, msg_id: str) -> str:
        """What the cell has printed so far."""
        return self._runs[msg_id].text

    def is_over(self, msg_id: str) -> bool:
        """Whether the cell has ended, as far as it was looked at."""
        run = self._runs[msg_id]
        return bool(run.reply_at and run.idle_at)

    def open_comm(self, target: str, comm_id: str) -> None:
        """Have the kernel open a comm to ``target``, which sends back what it gets."""
        self._send_comm("comm_open", {"comm_id": comm_id, "target_name": target, "data": {}})

    def comm_round_trip(self, comm_id: str) -> float:
        """Seconds from a message over the comm to the end of what it does."""
        sent_at = time.time()
        return self._send_comm("comm_msg", {"comm_id": comm_id, "data": {"value": 1}}).idle_at - sent_at

    def _send_comm(self, msg_type: str, content: dict[str, Any]) -> Run:
        message = self._client.session.msg(msg_type, content)
        run = self._runs[message["header"]["msg_id"]] = Run(time.time())
        self._client.shell_channel.send(message)
        self._pump(lambda: bool(run.idle_at))
        return run

    def _pump(self, enough: Any) -> None:
        end = time.monotonic() + TIMEOUT_S
        while not enough():
            if time.monotonic() > end:
                raise TimeoutError(f"a cell did not come to its end within {TIMEOUT_S:.0f} s")
            with contextlib.suppress(queue.Empty):
                self._take(self._client.get_iopub_msg(timeout=0.001), time.time())
            with contextlib.suppress(queue.Empty):
                self._take(self._client.get_shell_msg(timeout=0), time.time())

    def _take(self, message: dict[str, Any], at: float) -> None:
        run = self._runs.get(message["parent_header"].get("msg_id", ""))
        if run is None:
            return
        content = message["content"]
        match message["msg_type"]:
            case "execute_reply":
                run.reply_at = at
            case "status" if content["execution_state"] == "idle":
                run.idle_at = at
            case "stream":
                run.texts.append((at, content["text"]))
            case "error":
                run.error = f"{content['ename']}: {content['evalue']}"

    def close(self) -> None:
        self._client.stop_channels()
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)


class Bench:
    """A temporary home with its coordinator, and kernels of both kinds. A context manager."""

    def __init__(self, **env: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="caesura-bench-")
        self.path = Path(self._folder.name) / "home"
        self._kernels: list[Kernel] = []
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("CAESURA_")}
        self._env |= {"CAESURA_HOME": str(self.path), "IPYTHONDIR": str(self.path.parent / "ipython"), **env}
        spec = self.path.parent / "specs" / "caesura-bench" / "kernel.json"
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "caesura", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "Caesura", "language": "python"}))

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for kernel in self._kernels:
            kernel.close()
        connection = read_connection(self.path)
        if connection is not None:
            with contextlib.suppress(Exception):
                self.request("stop", force=True)
            wait_until_gone(int(connection["pid"]))
        self._folder.cleanup()

    def environ(self) -> dict[str, str]:
        """The variables of its kernels."""
        return dict(self._env)

    def plain(self) -> Kernel:
        return self._keep(KernelManager(kernel_name="python3"), {})

    def caesura(self, **env: str) -> Kernel:
        manager = KernelManager(kernel_name="caesura-bench")
        manager.kernel_spec_manager.kernel_dirs = [str(self.path.parent / "specs")]
        return self._keep(manager, env)

    def hosted(self, context: zmq.Context, **env: str) -> Kernel:
        """A kernel without a process of its own; the sockets of its manager and client are made in ``context``."""
        spec = self.path.parent / "specs" / "caesura-hosted" / "kernel.json"
        if not spec.exists():
            spec.parent.mkdir(parents=True)
            stub = json.loads((spec.parent.parent / "caesura-bench" / "kernel.json").read_text())
            stub["metadata"] = {"kernel_provisioner": {"provisioner_name": "caesura"}}
            spec.write_text(json.dumps(stub))
        manager = KernelManager(kernel_name="caesura-hosted", context=context)
        manager.kernel_spec_manager.kernel_dirs = [str(spec.parent.parent)]
        return self._keep(manager, env)

    def _keep(self, manager: KernelManager, env: dict[str, str]) -> Kernel:
        kernel = Kernel(manager, {**self._env, **env})
        self._kernels.append(kernel)
        return kernel

    def request(self, method: str, **params: Any) -> Any:
        with contextlib.closing(Client(self.path)) as client:
            return client.request(method, **params)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # without /proc the signal is all there is to ask
    except ProcessLookupError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> float:
    """When the process was seen to be gone, looking every half millisecond."""
    end = time.monotonic() + TIMEOUT_S
    while is_alive(pid):
        if time.monotonic() > end:
            raise TimeoutError(f"process {pid} did not end within {TIMEOUT_S:.0f} s")
        time.sleep(0.0005)
    return time.time()


@contextlib.contextmanager
def progress(total: int, what: str) -> Iterator[Any]:
    """A line on stderr that says how far a step is; call the value with the number done."""
    redraws = sys.stderr.isatty()

    def show(done: int) -> None:
        if redraws:
            sys.stderr.write(f"\r\x1b[2K{what}: {done} of {total}")
            sys.stderr.flush()

    if not redraws:
        sys.stderr.write(f"{what} ...\n")
    show(0)
    yield show
    if redraws:
        sys.stderr.write("\r\x1b[2K")
