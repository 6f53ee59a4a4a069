"""A kernel behaves the same whether a stub stands for it or, through the provisioner, no process at all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.multikernelmanager import AsyncMultiKernelManager

from notebooks import DEADLINE_S, Home, is_alive, until

pytestmark = pytest.mark.process


@pytest.fixture(scope="module", params=["stub", "provisioner"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("doors") / "home", request.param, CAESURA_WORKERS="2")
    yield home
    home.close()


@pytest.fixture
def provisioned(make_home: Callable[..., Home]) -> Home:
    return make_home(door="provisioner", CAESURA_WORKERS="2")


def connection_of(manager: Any) -> dict[str, Any]:
    return dict(json.loads(Path(manager.connection_file).read_text()))


def where(connection: dict[str, Any]) -> tuple[str, int]:
    """An address of a kernel. Kernels without a process may share their ports: each has an ``ip`` of its own then."""
    return connection["ip"], connection["shell_port"]


@contextlib.contextmanager
def another_client(manager: Any) -> Iterator[BlockingKernelClient]:
    """A client that is ready, with a session of its own."""
    client = BlockingKernelClient(connection_file=manager.connection_file)
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=DEADLINE_S)
        yield client
    finally:
        client.stop_channels()
        client.context.destroy(linger=0)


@pytest.mark.parametrize("now", [False, True], ids=["asked", "killed"])
def test_a_restart_keeps_ports_and_clients_and_drops_variables(home: Home, now: bool) -> None:
    notebook = home.notebook()
    before = connection_of(notebook.manager)
    notebook.run("x = 1")
    notebook.restart(now=now)
    assert connection_of(notebook.manager) == before
    assert notebook.run("'x' in globals()").value == "False"
    assert notebook.manager.is_alive()
    notebook.close()


def test_the_connection_file_is_known_to_the_code_also_after_a_move(home: Home) -> None:
    notebook = home.notebook(CAESURA_POLICY="always")
    code = "import asyncio, ipykernel\nawait asyncio.sleep(0.01)\nipykernel.get_connection_file()"
    assert notebook.run(code).value == repr(os.path.abspath(notebook.manager.connection_file))
    assert connection_of(notebook.manager)["key"] in notebook.run("%connect_info").text
    notebook.close()


def test_a_restart_with_new_ports_gets_new_ones(provisioned: Home) -> None:
    notebook = provisioned.notebook()
    before = connection_of(notebook.manager)
    notebook.manager.restart_kernel(newports=True)
    after = connection_of(notebook.manager)
    assert where(after) != where(before)
    with another_client(notebook.manager):
        pass


def test_a_signal_interrupts_a_suspended_cell(home: Home) -> None:
    notebook = home.notebook(CAESURA_POLICY="always")
    cell = notebook.submit("import caesura\nawait caesura.event('never')")
    notebook.wait_for_state(cell, "released")
    notebook.manager.signal_kernel(signal.SIGINT)
    error = notebook.wait(cell).error
    assert error is not None
    assert error["ename"] == "KeyboardInterrupt"
    assert notebook.manager.is_alive()
    notebook.close()


@pytest.mark.parametrize("now", [False, True], ids=["shut down", "killed"])
def test_a_kernel_that_is_ended_leaves_nothing(home: Home, now: bool) -> None:
    notebook = home.notebook()
    worker = int(notebook.run("import os\nos.getpid()").value or 0)
    assert notebook.manager.has_kernel
    notebook.manager.shutdown_kernel(now=now)
    assert not notebook.manager.is_alive()
    assert not notebook.manager.has_kernel
    until(lambda: not is_alive(worker), "the worker is gone")
    notebook.close()


def test_two_clients_see_the_same_outputs(home: Home) -> None:
    notebook = home.notebook()
    with another_client(notebook.manager) as second:
        cell = notebook.submit("print('to both')")
        assert notebook.wait(cell).text == "to both\n"
        texts = []
        while not texts:
            message = second.get_iopub_msg(timeout=DEADLINE_S)
            if message["parent_header"].get("msg_id") == cell and message["msg_type"] == "stream":
                texts.append(message["content"]["text"])
        second.execute_interactive("shared = 5", timeout=DEADLINE_S, output_hook=lambda _: None)
    assert texts == ["to both\n"]
    assert notebook.run("shared").value == "5"
    notebook.close()


def test_the_coordinator_may_die_and_the_kernel_lives(home: Home) -> None:
    notebook = home.notebook()
    notebook.run("x = 1")
    killed = home.kill_coordinator()
    assert notebook.manager.is_alive()
    until(lambda: home.coordinator_pid() != killed and home.status(), "another coordinator")
    assert notebook.run("x").value == "1"
    notebook.manager.shutdown_kernel()
    assert not notebook.manager.is_alive()


def test_working_directory_variables_and_arguments_reach_the_worker(home: Home, tmp_path: Path) -> None:
    manager = home.manager()
    arguments = ["--HistoryManager.hist_file=:memory:"]
    manager.start_kernel(env=home.environ(MARK="set"), cwd=str(tmp_path), extra_arguments=arguments)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=DEADLINE_S)
    code = "import os; print(os.getcwd(), os.environ['MARK'], get_ipython().history_manager.hist_file)"
    said: list[str] = []
    client.execute_interactive(
        code, timeout=DEADLINE_S, output_hook=lambda m: said.append(m["content"].get("text", ""))
    )
    assert "".join(said) == f"{tmp_path} set :memory:\n"
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_stopped_coordinator_ends_the_kernel(home: Home) -> None:
    notebook = home.notebook()
    home.request("stop", force=True)
    until(lambda: not notebook.manager.is_alive(), "the kernel has ended")


def test_several_kernels_of_one_asynchronous_server(home: Home) -> None:
    async def scenario() -> None:
        specs = KernelSpecManager(kernel_dirs=[str(home.kernelspec(sys.executable))])
        kernels = AsyncMultiKernelManager(default_kernel_name="caesura-test", kernel_spec_manager=specs)
        ids = await asyncio.gather(*(kernels.start_kernel(env=home.environ()) for _ in range(4)))
        managers = [kernels.get_kernel(kernel_id) for kernel_id in ids]
        assert all(isinstance(manager, AsyncKernelManager) for manager in managers)
        assert len({where(connection_of(manager)) for manager in managers}) == 4
        await kernels.restart_kernel(ids[0])
        assert [await kernels.is_alive(kernel_id) for kernel_id in ids] == [True] * 4
        await kernels.shutdown_kernel(ids[1], now=True)
        assert [await manager.is_alive() for manager in managers] == [True, False, True, True]
        await kernels.shutdown_all()
        assert [await manager.is_alive() for manager in managers] == [False] * 4

    asyncio.run(scenario())


# --- the provisioner alone ------------------------------------------------------------------------------------------


def test_no_process_is_started_for_a_kernel(provisioned: Home) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    notebook = provisioned.notebook()
    started = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    assert started == []
    assert notebook.manager.provisioner.resolve_path("home0") == str(provisioned.path.parent / "home0")


SERVER = """
import json, sys
from notebooks import Home
from pathlib import Path
home = Home(Path(sys.argv[1]), "provisioner", CAESURA_WORKERS="2")
notebook = home.notebook()
notebook.run("x = 21")
import asyncio
info = asyncio.run(notebook.manager.provisioner.get_provisioner_info())
info["connection_info"]["key"] = info["connection_info"]["key"].decode()
print(json.dumps(info), flush=True)
sys.stdin.read()
"""


def test_another_server_goes_on_with_the_kernel_of_one_that_died(provisioned: Home) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(provisioned.path)],
        env={**provisioned.environ(), "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    info = json.loads(server.stdout.readline())
    server.kill()
    server.communicate()
    info["connection_info"]["key"] = info["connection_info"]["key"].encode()
    manager = provisioned.manager()
    manager.load_connection_info(info["connection_info"])
    provisioner = _provisioner_of(manager)
    asyncio.run(provisioner.load_provisioner_info(info))
    manager.provisioner = provisioner
    assert manager.is_alive()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=DEADLINE_S)
    reply = client.execute_interactive("y = x * 2", timeout=DEADLINE_S, user_expressions={"y": "y"})
    assert reply["content"]["user_expressions"]["y"]["data"]["text/plain"] == "42"
    client.stop_channels()
    manager.shutdown_kernel()
    assert not manager.is_alive()
    asyncio.run(provisioner.load_provisioner_info(info))
    assert asyncio.run(provisioner.poll()) == 1


def _provisioner_of(manager: Any) -> Any:
    from caesura.provisioner import CaesuraProvisioner

    return CaesuraProvisioner(kernel_id="k", kernel_spec=manager.kernel_spec, parent=manager)


def test_an_interpreter_without_caesura_is_named_with_what_to_do(provisioned: Home, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)
    manager = provisioned.manager(str(python))
    with pytest.raises(Exception, match=rf"imported by {python}.*No module named 'caesura'.*-m pip install caesura"):
        manager.start_kernel(env=provisioned.environ())


def test_a_coordinator_that_cannot_start_says_why(provisioned: Home) -> None:
    provisioned.path.write_text("not a directory")
    with pytest.raises(Exception, match="cannot be used"):
        provisioned.manager().start_kernel(env=provisioned.environ())
