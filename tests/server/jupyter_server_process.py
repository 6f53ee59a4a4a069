"""A Jupyter Server in a process of its own, which can be stopped and killed, with a real kernel's client."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.client import KernelClient

from jupyter_servers import TOKEN, options_of_server
from notebooks import DEADLINE_S, Home, until


class JupyterServer:
    """One server over the notebooks in ``home.path.parent / "notes"``; ``settings`` are its command line's."""

    def __init__(self, home: Home, *settings: str) -> None:
        self._home = home
        self._folder = home.path.parent
        self.notes = self._folder / "notes"
        self.notes.mkdir(exist_ok=True)
        runtime = self._folder / f"runtime-{len(list(self._folder.glob('runtime-*')))}"
        self._runtime = runtime
        self._clients: list[BlockingKernelClient] = []
        environ = {
            **home.environ(),
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "JUPYTER_CONFIG_DIR": str(self._folder / "config"),
            "JUPYTER_PATH": str(self._kernels().parent),
        }
        options = [
            *options_of_server(self.notes),
            *settings,
        ]
        with (self._folder / "server.log").open("a") as log:
            command = [sys.executable, "-m", "jupyter_server", *options]
            self.process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=log)
        self._url = until(self._where, f"the server runs; {self.log()[-3000:]}")

    def _kernels(self) -> Path:
        folder = self._folder / "share" / "kernels"
        if not folder.exists():
            folder.parent.mkdir(exist_ok=True)
            folder.symlink_to(self._home.kernelspec(sys.executable), target_is_directory=True)
        return folder

    def _where(self) -> str | None:
        assert self.process.poll() is None, self.log()
        for path in self._runtime.glob("jpserver-*.json"):
            with contextlib.suppress(ValueError):
                url = str(json.loads(path.read_text())["url"])
                with contextlib.suppress(urllib.error.URLError, ConnectionError):
                    self._ask(url, "GET", "api", None)
                    return url
        return None

    def log(self) -> str:
        return (self._folder / "server.log").read_text(errors="replace")

    # --- REST -------------------------------------------------------------------------------------------------------

    def get(self, path: str) -> Any:
        return self._ask(self._url, "GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask(self._url, "POST", path, body)

    def delete(self, path: str) -> Any:
        return self._ask(self._url, "DELETE", path, None)

    @staticmethod
    def _ask(url: str, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    # --- notebooks --------------------------------------------------------------------------------------------------

    def open(self, name: str) -> str:
        """Open a notebook, as JupyterLab does; its kernel's id."""
        body = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "caesura-test"}}
        return str(self.post("api/sessions", body)["kernel"]["id"])

    def kernel(self, kernel_id: str) -> dict[str, Any]:
        return dict(self.get(f"api/kernels/{kernel_id}"))

    def client(self, kernel_id: str) -> BlockingKernelClient:
        client = when_it_answers(str(self._runtime / f"kernel-{kernel_id}.json"))
        self._clients.append(client)
        return client

    # --- the end ----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """As systemd or Control-C does it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        for client in self._clients:
            client.stop_channels()
        self._clients.clear()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(DEADLINE_S)


def when_it_answers(connection_file: str) -> BlockingKernelClient:
    """A client whose kernel answers, and whose messages come."""
    client = BlockingKernelClient(connection_file=connection_file)
    client.load_connection_file()
    client.start_channels()

    def hears() -> bool:
        with contextlib.suppress(queue.Empty, TimeoutError):
            client.kernel_info(reply=True, timeout=5)
            client.get_iopub_msg(timeout=0.5)
            return True
        return False

    until(hears, "the kernel answers, and its messages come")
    return client


def value_of(client: BlockingKernelClient, expression: str) -> str:
    """What a cell shows."""
    shown: list[str] = []

    def take(message: dict[str, Any]) -> None:
        if message["msg_type"] == "execute_result":
            shown.append(message["content"]["data"]["text/plain"])

    reply = client.execute_interactive(expression, output_hook=take, timeout=DEADLINE_S, allow_stdin=False)
    assert reply["content"]["status"] == "ok", reply["content"]
    return shown[0] if shown else ""


def send_cell(client: KernelClient, code: str, notebook_cell: str) -> str:
    """Send a cell as JupyterLab does, with the id that it has in the notebook's file; the request's id."""
    message = client.session.msg("execute_request", {"code": code, "silent": False, "store_history": True})
    message["metadata"] = {"cellId": notebook_cell}
    client.shell_channel.send(message)
    return str(message["header"]["msg_id"])
