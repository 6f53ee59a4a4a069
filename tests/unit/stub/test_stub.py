"""The process that Jupyter takes for the kernel."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from fake_server import FakeServer, fake_server, greet, wait_until

from caesura import config, stub
from caesura.client import Link
from caesura.errors import UsageError
from caesura.wire import messages

PORTS = {f"{name}_port": 5000 + n for n, name in enumerate(("shell", "iopub", "stdin", "control", "hb"))}
CONNECTION = {
    **PORTS,
    "ip": "127.0.0.1",
    "transport": "tcp",
    "key": "the-secret-key",
    "signature_scheme": "hmac-sha256",
}


class Kernels:
    """What stubs asked a fake coordinator for, and the way to tell them something."""

    def __init__(self) -> None:
        self.opened: list[messages.OpenKernel] = []
        self.signals: list[str] = []
        self.links: list[Link] = []

    def __call__(self, link: Link, hello: messages.Hello) -> None:
        greet(link, hello)
        while (message := link.receive(20)) is not None:
            match message:
                case messages.OpenKernel(session_id=session_id):
                    link.send(messages.KernelOpened(session_id=session_id or "session-1"))
                    self.links.append(link)
                    self.opened.append(message)
                case messages.KernelSignal(signal=name):
                    self.signals.append(name)


class Started:
    """One stub as its own process."""

    def __init__(self, cwd: Path, home: Path, *arguments: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "caesura", *arguments],
            env={**os.environ, "CAESURA_HOME": str(home), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            text=True,
        )

    def end(self) -> tuple[int, str]:
        """Its exit code and what it said on stderr."""
        out, err = self.process.communicate(timeout=20)
        assert out == ""
        return self.process.returncode, err


QUICK = (
    "import sys; from caesura import config, stub; stub._QUIET_S = 0.05;"
    "sys.exit(stub.main(*config.kernel_connection_file(sys.argv[1:])))"
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "kernel.json"
    path.write_text(json.dumps(CONNECTION))
    return str(path)


@pytest.fixture
def no_daemon(tmp_path: Path) -> Iterator[None]:
    """A stub that lost its coordinator waits for the lock for ever instead of starting a real one."""
    run = tmp_path / "home" / "run"
    run.mkdir(parents=True)
    with (run / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def start(tmp_path: Path, no_daemon: None) -> Iterator[Any]:
    stubs: list[Started] = []

    def start(*arguments: str, home: Path = tmp_path / "home", **variables: str) -> Started:
        stubs.append(Started(tmp_path, home, *arguments, **variables))
        return stubs[-1]

    yield start
    for started in stubs:
        if started.process.poll() is None:
            started.process.kill()
        started.process.communicate()


@pytest.mark.parametrize(
    ("arguments", "rest"),
    [
        (["-f", "F"], []),
        (["--f=F"], []),
        (["-f=F"], []),
        (["--connection-file", "F", "--quiet"], ["--quiet"]),
        (["--matplotlib=inline", "--f=F"], ["--matplotlib=inline"]),
        (["-f", "F", "--HistoryManager.hist_file=:memory:"], ["--HistoryManager.hist_file=:memory:"]),
    ],
)
def test_every_way_to_name_the_connection_file_is_understood(arguments: list[str], rest: list[str]) -> None:
    assert config.kernel_connection_file(arguments) == ("F", rest)


def test_arguments_without_a_connection_file_are_not_a_kernels() -> None:
    assert config.kernel_connection_file(["--json"]) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [("{", "not JSON"), ("[]", "names no shell_port"), ('{"shell_port": "x"}', "names no shell_port"), (None, "read")],
)
def test_a_bad_connection_file_is_refused(tmp_path: Path, content: str | None, text: str) -> None:
    path = tmp_path / "kernel.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=text):
        stub.read_connection_file(str(path))


def test_the_refusal_of_a_connection_file_does_not_show_its_key(tmp_path: Path) -> None:
    path = tmp_path / "kernel.json"
    path.write_text(json.dumps({**CONNECTION, "hb_port": None}))
    with pytest.raises(UsageError) as found:
        stub.read_connection_file(str(path))
    assert "the-secret-key" not in str(found.value)


def test_it_hands_over_all_that_a_worker_needs(tmp_path: Path, file: str, start: Any) -> None:
    kernels = Kernels()
    with fake_server(tmp_path / "home", kernels) as server:
        start("-f", file, "--quiet", JPY_SESSION_NAME="/n/a.ipynb", MINE="1")
        wait_until(lambda: kernels.opened)
        opened = kernels.opened[0]
        assert opened.connection == CONNECTION
        assert opened.name == "/n/a.ipynb"
        assert opened.session_id == ""
        assert opened.environment["argv"] == ["--quiet"]
        assert opened.environment["connection_file"] == file
        assert opened.environment["executable"] == sys.executable
        assert opened.environment["prefix"] == sys.prefix
        assert opened.environment["cwd"] == str(tmp_path)
        assert opened.environment["env"]["MINE"] == "1"
        assert server.hellos[0].role == "stub"


def test_it_ends_with_the_kernel(tmp_path: Path, file: str, start: Any) -> None:
    kernels = Kernels()
    with fake_server(tmp_path / "home", kernels):
        quiet, loud = start("-f", file), start("-f", file)
        wait_until(lambda: len(kernels.opened) == 2)
        for link in kernels.links:
            link.send(messages.KernelEnded())
        assert quiet.end() == loud.end() == (0, "")


def test_a_signal_in_the_moment_of_the_end_does_not_register_the_kernel_again(
    tmp_path: Path, file: str, start: Any
) -> None:
    kernels = Kernels()
    with fake_server(tmp_path / "home", kernels):
        started = start("-f", file)
        wait_until(lambda: kernels.links)
        started.process.send_signal(signal.SIGSTOP)
        kernels.links[0].send(messages.KernelEnded(code=0))
        kernels.links[0]._socket.shutdown(socket.SHUT_RDWR)
        started.process.send_signal(signal.SIGINT)
        started.process.send_signal(signal.SIGCONT)
        assert started.end() == (0, "")
    assert len(kernels.opened) == 1


def test_it_says_why_the_kernel_ended(tmp_path: Path, file: str, start: Any) -> None:
    kernels = Kernels()
    with fake_server(tmp_path / "home", kernels):
        started = start("-f", file)
        wait_until(lambda: kernels.opened)
        kernels.links[0].send(messages.KernelEnded(code=1, text="the port is taken"))
        assert started.end() == (1, "caesura: the port is taken\n")


def test_signals_are_passed_on(tmp_path: Path, file: str, start: Any) -> None:
    kernels = Kernels()
    with fake_server(tmp_path / "home", kernels):
        started = start("-f", file)
        wait_until(lambda: kernels.opened)
        started.process.send_signal(signal.SIGINT)
        wait_until(lambda: kernels.signals == ["interrupt"])
        started.process.send_signal(signal.SIGINT)
        wait_until(lambda: kernels.signals == ["interrupt", "interrupt"])
        started.process.send_signal(signal.SIGTERM)
        wait_until(lambda: kernels.signals[2:] == ["terminate"])
        kernels.links[0].send(messages.KernelEnded())
        assert started.end() == (0, "")


def test_a_second_sigterm_ends_it_without_the_coordinator(tmp_path: Path, file: str, start: Any) -> None:
    kernels = Kernels()
    with fake_server(tmp_path / "home", kernels):
        started = start("-f", file)
        wait_until(lambda: kernels.opened)
        started.process.terminate()
        wait_until(lambda: kernels.signals)
        started.process.terminate()
        assert started.end() == (0, "")


def test_it_registers_the_same_kernel_with_the_next_coordinator(tmp_path: Path, file: str, start: Any) -> None:
    first, second = Kernels(), Kernels()
    server = FakeServer(tmp_path / "home", first)
    started = start("-f", file)
    wait_until(lambda: first.opened)
    server.close()
    with fake_server(tmp_path / "home", second):
        wait_until(lambda: second.opened)
        assert second.opened[0].session_id == "session-1"
        assert second.opened[0].connection == CONNECTION
        second.links[0].send(messages.KernelEnded())
        assert started.end() == (0, "")


def test_a_connection_that_breaks_at_once_is_tried_again(tmp_path: Path, file: str, start: Any) -> None:
    kernels = Kernels()
    tries: list[int] = []

    def breaks_twice(link: Link, hello: messages.Hello) -> None:
        tries.append(1)
        if len(tries) > 2:
            kernels(link, hello)
        else:
            link.close()

    with fake_server(tmp_path / "home", breaks_twice):
        started = start("-f", file)
        wait_until(lambda: kernels.opened)
        kernels.links[0].send(messages.KernelEnded())
        assert started.end() == (0, "")


@pytest.mark.parametrize("is_asleep", [False, True], ids=["awake", "asleep"])
def test_the_death_of_its_parent_is_reported_once_and_it_goes_on(
    tmp_path: Path, file: str, no_daemon: None, is_asleep: bool
) -> None:
    kernels = Kernels()
    code = (
        "import os, subprocess, sys;"
        "process = subprocess.Popen([sys.executable, '-c', sys.argv[1], '-f', sys.argv[2]]);"
        "print(process.pid, flush=True); input()"
    )
    # The stub with a shorter look at its parent: five seconds are too long for a test.
    quiet_s = 0 if is_asleep else 1000
    quick = (
        f"import sys; from caesura import config, stub; stub._ADOPTED_LOOK_S = 0.05; stub._QUIET_S = {quiet_s};"
        "sys.exit(stub.main(*config.kernel_connection_file(sys.argv[1:])))"
    )
    with fake_server(tmp_path / "home", kernels):
        parent = subprocess.Popen(
            [sys.executable, "-c", code, quick, file],
            env={**os.environ, "CAESURA_HOME": str(tmp_path / "home"), "JPY_PARENT_PID": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert parent.stdin is not None
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        try:
            wait_until(lambda: kernels.opened)
            wait_until(lambda: not is_asleep or "asleep.py" in command_line(pid))
            parent.kill()
            parent.wait(10)
            wait_until(lambda: kernels.signals == ["orphaned"])
            os.kill(pid, signal.SIGINT)
            wait_until(lambda: kernels.signals == ["orphaned", "interrupt"])
        finally:
            os.kill(pid, signal.SIGKILL)
        assert parent.stdout.read() == ""  # the stub has ended: it held the other end
        parent.stdin.close()
        parent.stdout.close()


def command_line(pid: int) -> str:
    return " ".join(psutil.Process(pid).cmdline())  # `ps` would cut it at $COLUMNS


def test_with_nothing_to_do_it_becomes_a_smaller_process_and_comes_back(tmp_path: Path, file: str) -> None:
    kernels = Kernels()
    with fake_server(tmp_path / "home", kernels):
        process = subprocess.Popen(
            [sys.executable, "-c", QUICK, "-f", file],
            env={**os.environ, "CAESURA_HOME": str(tmp_path / "home")},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_until(lambda: "asleep.py" in command_line(process.pid))
            assert str(CONNECTION["key"]) not in command_line(process.pid)
            process.send_signal(signal.SIGINT)
            wait_until(lambda: kernels.signals == ["interrupt"])
            wait_until(lambda: "asleep.py" in command_line(process.pid))
            assert len(kernels.opened) == 1
            kernels.links[0].send(messages.KernelEnded(code=3, text="it is over"))
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, said) == (3, "caesura: it is over\n")


def test_a_stub_that_sleeps_registers_its_kernel_with_the_next_coordinator(
    tmp_path: Path, file: str, no_daemon: None
) -> None:
    first, second = Kernels(), Kernels()
    server = FakeServer(tmp_path / "home", first)
    process = subprocess.Popen(
        [sys.executable, "-c", QUICK, "-f", file, "--quiet"],
        env={**os.environ, "CAESURA_HOME": str(tmp_path / "home")},
    )
    try:
        wait_until(lambda: "asleep.py" in command_line(process.pid))
        Path(file).unlink()  # nobody promised to keep it
        server.close()
        with fake_server(tmp_path / "home", second):
            wait_until(lambda: second.opened)
            opened = second.opened[0]
            assert (opened.session_id, opened.connection) == ("session-1", CONNECTION)
            assert opened.environment["argv"] == ["--quiet"]
            assert not [name for name in opened.environment["env"] if name.startswith("CAESURA_STUB")]
            second.links[0].send(messages.KernelEnded())
            assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("arguments", [["-f"], ["-f", "/nowhere/kernel.json"]])
def test_a_missing_connection_file_is_one_clear_line(arguments: list[str], start: Any) -> None:
    code, said = start(*arguments).end()
    assert code == 1
    assert said.startswith("caesura: ")
    assert said.count("\n") == 1


def test_an_unusable_home_is_one_clear_line(tmp_path: Path, file: str, start: Any) -> None:
    (tmp_path / "afile").touch()
    code, said = start("-f", file, home=tmp_path / "afile" / "home").end()
    assert code == 1
    assert str(tmp_path / "afile") in said
    assert "CAESURA_HOME" in said
    assert said.count("\n") == 1


def test_another_protocol_is_one_clear_line(tmp_path: Path, file: str, start: Any) -> None:
    with fake_server(tmp_path / "home", lambda link, hello: link.send(messages.Refused(reason="", protocol=99))):
        code, said = start("-f", file).end()
    assert code == 1
    assert "speaks 99" in said
    assert said.count("\n") == 1


def test_a_module_of_the_notebooks_directory_does_not_take_the_place_of_ours(
    tmp_path: Path, file: str, start: Any
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    (tmp_path / "select.py").write_text("raise SystemExit('the wrong select')")
    kernels = Kernels()
    with fake_server(tmp_path / "home", kernels):
        started = start("-f", file)
        wait_until(lambda: kernels.opened or started.process.poll() is not None)
        assert kernels.opened


def test_it_is_light(file: str) -> None:
    code = (
        "import sys; from caesura import stub; heavy = {'asyncio', 'subprocess', 'zmq', 'traitlets', 'jupyter_core',"
        " 'sqlalchemy', 'psutil', 'argparse', 'logging'}; print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
