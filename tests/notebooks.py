"""Real notebooks on a real home, for the tiers of tests that start processes.

A :class:`Home` is a temporary home directory with its own coordinator; a :class:`Notebook` is a kernel started through
``jupyter_client`` from the kernelspec's ``argv``. Nothing here sleeps to wait: everything waits for a message or a
condition, with a deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory

from caesura.client import Client
from caesura.config import read_connection

DEADLINE_S = 60.0

_FROM_OUTSIDE = ("CAESURA_POLICY", "CAESURA_START_METHOD", "CAESURA_PARK_AFTER")
"""The whole tier can be run under another policy, with spawned workers, and with notebooks parked between cells."""


def until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The first true value of ``condition``; fails with ``what`` when it does not come in time."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not stat.parent.parent.exists()


@dataclass
class Result:
    """What one cell gave: its reply and its messages, in order."""

    reply: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> str:
        return str(self.reply["content"]["status"])

    def stream(self, name: str = "stdout") -> str:
        return "".join(
            message["content"]["text"]
            for message in self.messages
            if message["msg_type"] == "stream" and message["content"]["name"] == name
        )

    @property
    def text(self) -> str:
        return self.stream("stdout")

    @property
    def value(self) -> str | None:
        for message in self.messages:
            if message["msg_type"] == "execute_result":
                return str(message["content"]["data"]["text/plain"])
        return None

    @property
    def error(self) -> dict[str, Any] | None:
        for message in self.messages:
            if message["msg_type"] == "error":
                return dict(message["content"])
        return None

    def kinds(self) -> list[str]:
        return [message["msg_type"] for message in self.messages]


class Notebook:
    """One kernel and its client."""

    def __init__(self, home: Home, env: dict[str, str], python: str = sys.executable, cwd: Path | None = None) -> None:
        self.home = home
        self.manager = home.manager(python)
        self.manager.start_kernel(env=home.environ(**env), cwd=str(cwd or home.path.parent))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self._messages: dict[str, list[dict[str, Any]]] = {}
        self._replies: dict[str, dict[str, Any]] = {}
        self._idle: set[str] = set()

    def ready(self) -> Notebook:
        self.client.wait_for_ready(timeout=DEADLINE_S)
        return self

    def submit(self, code: str, **options: Any) -> str:
        """Send a cell; the id under which :meth:`wait` gives its result."""
        options.setdefault("allow_stdin", False)
        return str(self.client.execute(code, **options))

    def run(self, code: str, timeout: float = DEADLINE_S, **options: Any) -> Result:
        return self.wait(self.submit(code, **options), timeout)

    def wait(self, msg_id: str, timeout: float = DEADLINE_S) -> Result:
        end = time.monotonic() + timeout
        while msg_id not in self._idle or msg_id not in self._replies:
            assert time.monotonic() < end, (
                f"no end of the cell within {timeout} s; so far {self._messages.get(msg_id)}; {self.home.describe()}"
            )
            self._pump(0.02)
        return Result(self._replies[msg_id], self._messages.get(msg_id, []))

    def wait_for_text(self, msg_id: str, text: str, timeout: float = DEADLINE_S) -> None:
        """Until the cell has printed ``text``."""
        end = time.monotonic() + timeout
        while text not in Result({}, self._messages.get(msg_id, [])).text:
            assert time.monotonic() < end, (
                f"{text!r} was not printed within {timeout} s; so far {self._messages.get(msg_id)}; "
                f"{self.home.describe()}"
            )
            self._pump(0.02)

    def _pump(self, timeout: float) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                message = self.client.get_iopub_msg(timeout=timeout)
                parent = message["parent_header"].get("msg_id", "")
                self._messages.setdefault(parent, []).append(message)
                if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    self._idle.add(parent)
                timeout = 0
        with contextlib.suppress(queue.Empty):
            while True:
                message = self.client.get_shell_msg(timeout=0)
                self._replies[message["parent_header"]["msg_id"]] = message

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def restart(self, *, now: bool = False) -> None:
        self.manager.restart_kernel(now=now)
        self._messages.clear()
        self._replies.clear()
        self._idle.clear()
        self.client.wait_for_ready(timeout=DEADLINE_S)

    def cell(self, msg_id: str) -> dict[str, Any]:
        """The coordinator's view of a cell; empty when it is not listed."""
        for cell in self.home.request("cells"):
            if cell["cell_id"] == msg_id:
                return dict(cell)
        return {}

    def wait_for_state(self, msg_id: str, *states: str) -> dict[str, Any]:
        return dict(
            until(
                lambda: (cell := self.cell(msg_id)) and cell["state"] in states and cell,
                f"cell in state {states}; {self.home.describe()}",
            )
        )

    def moves(self, msg_id: str) -> list[dict[str, Any]]:
        return list(self.home.request("moves", cell_id=msg_id))

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)


class Home:
    """A temporary home directory, its environment and its coordinator.

    ``door`` is how kernels are started: by a ``stub``, or by the ``provisioner``, without a process.
    """

    def __init__(self, path: Path, door: str = "stub", **env: str) -> None:
        self.path = path
        self.door = door
        self.env = env
        self.notebooks: list[Notebook] = []
        self._specs = path.parent / "specs"

    def environ(self, **extra: str) -> dict[str, str]:
        base = {name: value for name, value in os.environ.items() if not name.startswith("CAESURA_")}
        base.update({name: os.environ[name] for name in _FROM_OUTSIDE if os.environ.get(name)})
        return {
            **base,
            "CAESURA_HOME": str(self.path),
            "IPYTHONDIR": str(self.path.parent / "ipython"),
            **self.env,
            **extra,
        }

    def kernelspec(self, python: str) -> Path:
        folder = self._specs / "caesura-test"
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": [python, "-m", "caesura", "-f", "{connection_file}"],
            "display_name": "Caesura under test",
            "language": "python",
            "interrupt_mode": "message",
        }
        if self.door == "provisioner":
            spec["metadata"] = {"kernel_provisioner": {"provisioner_name": "caesura"}}
        (folder / "kernel.json").write_text(json.dumps(spec))
        return self._specs

    def manager(self, python: str = sys.executable, kind: Callable[..., Any] = KernelManager) -> Any:
        """A kernel manager for the kernelspec, which has not started its kernel."""
        manager = kind(kernel_name="caesura-test")
        manager.kernel_spec_manager.kernel_dirs = [str(self.kernelspec(python))]
        return manager

    def notebook(self, python: str = sys.executable, cwd: Path | None = None, **env: str) -> Notebook:
        notebook = Notebook(self, env, python, cwd)
        self.notebooks.append(notebook)
        return notebook.ready()

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        client = Client(self.path)
        try:
            yield client
        finally:
            client.close()

    def request(self, method: str, **params: Any) -> Any:
        with self.client() as client:
            return client.request(method, **params)

    def status(self) -> dict[str, Any]:
        return dict(self.request("status"))

    def describe(self) -> str:
        """What the coordinator thinks, for the message of a failed assertion."""
        try:
            return json.dumps(self.status(), indent=1)
        except Exception as error:
            return f"the coordinator does not answer: {error!r}\n{self.log()[-4000:]}"

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.path / "logs").glob("*.log")))

    def command(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run ``caesura WORDS`` as a user would."""
        return subprocess.run(
            [sys.executable, "-m", "caesura.cli", *words],
            env=self.environ(**env),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def coordinator_pid(self) -> int:
        connection = read_connection(self.path)
        assert connection is not None
        return int(connection["pid"])

    def kill_coordinator(self) -> int:
        pid = self.coordinator_pid()
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid), "the killed coordinator is gone")
        return pid

    def close(self) -> None:
        for notebook in self.notebooks:
            notebook.close()
        connection = read_connection(self.path)
        if connection is not None and is_alive(int(connection["pid"])):
            with contextlib.suppress(Exception):
                self.request("stop", force=True)
            pid = int(connection["pid"])
            try:
                until(lambda: not is_alive(pid), "the coordinator stops", 10)
            except AssertionError:
                os.kill(pid, signal.SIGKILL)
                raise


# Provisioners are looked up through entry points on first use; do it once, outside every measured start. Ours is not
# among them where the package is only on the path, and not installed.
_factory = KernelProvisionerFactory.instance()
_factory.provisioners.setdefault(
    "caesura", EntryPoint("caesura", "caesura.provisioner:CaesuraProvisioner", _factory.GROUP_NAME)
)
