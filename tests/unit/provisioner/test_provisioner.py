"""What Jupyter asks of a kernel that has no process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from caesura.errors import EnvironmentFault, UsageError
from caesura.provisioner import CaesuraProvisioner, environment_of

STUB = [sys.executable, "-m", "caesura", "-f", "file.json"]


class FakeKernel:
    def __init__(self) -> None:
        self.code: int | None = None
        self.text = ""
        self.signals: list[str] = []

    def signal(self, name: str) -> None:
        self.signals.append(name)


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel()


@pytest.fixture
def provisioner(kernel: FakeKernel) -> CaesuraProvisioner:
    provisioner = CaesuraProvisioner()
    provisioner._kernel = kernel  # type: ignore[assignment]
    return provisioner


def test_without_a_kernel_there_is_nothing_to_wait_for() -> None:
    provisioner = CaesuraProvisioner()
    assert not provisioner.has_process
    assert asyncio.run(provisioner.poll()) == 0
    assert asyncio.run(provisioner.wait()) == 0
    asyncio.run(provisioner.send_signal(signal.SIGINT))


def test_it_is_there_until_its_end_was_waited_for(provisioner: CaesuraProvisioner, kernel: FakeKernel) -> None:
    assert asyncio.run(provisioner.poll()) is None
    kernel.code = 3
    assert asyncio.run(provisioner.poll()) == 3
    assert provisioner.has_process
    assert asyncio.run(provisioner.wait()) == 3
    assert not provisioner.has_process


@pytest.mark.parametrize(
    ("number", "names"),
    [(signal.SIGINT, ["interrupt"]), (signal.SIGTERM, ["terminate"]), (signal.SIGKILL, ["kill"]), (0, [])],
)
def test_signals_are_passed_on(
    provisioner: CaesuraProvisioner, kernel: FakeKernel, number: int, names: list[str]
) -> None:
    asyncio.run(provisioner.send_signal(number))
    assert kernel.signals == names


def test_a_signal_that_only_a_process_could_get_is_refused_by_name(provisioner: CaesuraProvisioner) -> None:
    with pytest.raises(UsageError, match="SIGUSR1 cannot be sent"):
        asyncio.run(provisioner.send_signal(signal.SIGUSR1))


def test_the_command_of_the_stub_says_what_the_workers_need() -> None:
    found = environment_of([*STUB, "--HistoryManager.hist_file=:memory:"], {"A": "b", "PATH": ""}, "/work")
    assert found == {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "cwd": "/work",
        "env": {"A": "b", "PATH": ""},
        "argv": ["--HistoryManager.hist_file=:memory:"],
        "connection_file": os.path.abspath("file.json"),
    }


def test_the_prefix_of_another_environment_is_found_without_starting_it(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    found = environment_of(["python", *STUB[1:]], {"PATH": str(python.parent)}, "/")
    assert (found["executable"], found["prefix"]) == (str(python), str(tmp_path / "venv"))


@pytest.mark.parametrize("command", [[sys.executable, "-m", "ipykernel_launcher", "-f", "file"], ["ir", "file"]])
def test_the_kernelspec_of_another_kernel_is_refused_with_what_to_do(command: list[str]) -> None:
    with pytest.raises(UsageError, match="caesura install --provisioner"):
        environment_of(command, {}, "/")


def test_an_interpreter_that_is_not_there_is_named() -> None:
    with pytest.raises(EnvironmentFault, match="/no/such/python"):
        environment_of(["/no/such/python", *STUB[1:]], {}, "/")


def test_paths_are_those_of_the_notebook(provisioner: CaesuraProvisioner, tmp_path: Path) -> None:
    (tmp_path / "code.py").touch()
    provisioner._cwd = str(tmp_path)
    assert provisioner.resolve_path("code.py") == (tmp_path / "code.py").as_posix()
    assert provisioner.resolve_path("missing.py") is None
