"""What Jupyter Server and JupyterHub see of a suspended cell and of a parked notebook, by their own cullers' rules."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_server_process import send_cell

from notebooks import DEADLINE_S, Home

pytestmark = pytest.mark.process

Fetch = Callable[..., Any]


@pytest.fixture
def jp_server_config(home: Home) -> dict[str, Any]:
    home.env |= {"CAESURA_POLICY": "always", "CAESURA_PARK_AFTER": "0.1", "CAESURA_ACTIVITY_S": "0.1"}
    # At first longer than anything takes here.
    culling = {"cull_idle_timeout": 1000, "cull_interval": 1, "cull_connected": True, "cull_busy": False}
    return {"MappingKernelManager": culling}


async def eventually(condition: Callable[[], Awaitable[Any]], what: str) -> Any:
    """The first true value of ``condition``."""
    end = time.monotonic() + DEADLINE_S
    while not (value := await condition()):
        assert time.monotonic() < end, what
        await asyncio.sleep(0.02)
    return value


async def test_a_suspended_cell_is_busy_and_active_and_a_parked_notebook_is_idle_and_culled(
    jp_fetch: Fetch, jp_data_dir: Path, jp_serverapp: Any, home: Home
) -> None:
    shutil.copytree(home.kernelspec(sys.executable), jp_data_dir / "kernels", dirs_exist_ok=True)
    spec = jp_data_dir / "kernels" / "caesura-test" / "kernel.json"
    own = {name: value for name, value in home.environ().items() if name.startswith(("CAESURA_", "IPYTHONDIR"))}
    spec.write_text(json.dumps({**json.loads(spec.read_text()), "env": own}))

    async def get(*path: str) -> Any:
        return json.loads((await jp_fetch("api", *path)).body)

    async def opened(name: str) -> str:
        body = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "caesura-test"}}
        answer = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
        return str(json.loads(answer.body)["kernel"]["id"])

    async def connected(kernel_id: str) -> AsyncKernelClient:
        client: AsyncKernelClient = jp_serverapp.kernel_manager.get_kernel(kernel_id).client()
        client.start_channels()
        await client.wait_for_ready(timeout=DEADLINE_S)
        return client

    waits, rests = await opened("waits.ipynb"), await opened("rests.ipynb")
    clients = [await connected(waits), await connected(rests)]
    try:
        send_cell(clients[0], "import caesura\nawait caesura.event('go')", "c")
        await clients[1].execute_interactive("1", allow_stdin=False, output_hook=lambda _: None, timeout=DEADLINE_S)

        async def nobody_has_a_worker() -> bool:
            status = await asyncio.to_thread(home.status)
            return not status["workers"] and any(cell["state"] == "released" for cell in status["cells"])

        await eventually(nobody_has_a_worker, "one is suspended, the other parked")
        first = await get("kernels", waits)
        assert first["execution_state"] == "busy"
        assert (await get("kernels", rests))["execution_state"] == "idle"
        server = await get("status")

        async def is_later() -> bool:
            return bool((await get("kernels", waits))["last_activity"] > first["last_activity"])

        async def server_is_later() -> bool:
            return bool((await get("status"))["last_activity"] > server["last_activity"])

        async def only_one_is_left() -> bool:
            return [kernel["id"] for kernel in await get("kernels")] == [waits]

        await eventually(is_later, "a cell that says nothing is active")
        # JupyterHub's culler goes by this (jupyterhub-idle-culler#55).
        await eventually(server_is_later, "so is its server")
        jp_serverapp.kernel_manager.cull_idle_timeout = 1
        await eventually(only_one_is_left, "the idle one is culled, and the other is not")
        assert (await get("kernels", waits))["execution_state"] == "busy"
    finally:
        for client in clients:
            client.stop_channels()
