"""Starting a coordinator on demand, with a small script in the place of the daemon."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fake_server import fake_server

from caesura import config, starting
from caesura.errors import CoordinatorUnavailable, HomeUnusable
from caesura.starting import ensure_coordinator

PYTHON = sys.executable
DAEMON = """
import os, socket, sys, threading
from pathlib import Path
from caesura import config
home = Path(sys.argv[sys.argv.index("--home") + 1])
with open(home / "starts", "a") as file:
    file.write("x")
if os.fork():
    os._exit(0)
listening = socket.socket(socket.AF_UNIX)
listening.bind(str(home / "run" / "coordinator.sock"))
listening.listen(64)
config.write_connection(home, {"pid": os.getpid(), "socket": str(home / "run" / "coordinator.sock"), "cwd": os.getcwd(),
    "said": {k: v for k, v in os.environ.items() if k in ("MINE", "JPY_PARENT_PID", "CAESURA_HOME", "PYTHONPATH")}})
listening.settimeout(20)
while not (home / "stop").exists():
    listening.accept()[0].close()
"""


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what runs as the daemon; all that were started are stopped at the end."""
    home = tmp_path / "home"

    def use(code: str = DAEMON) -> Path:
        wrapper = tmp_path / "python"
        (tmp_path / "daemon.py").write_text(code)
        wrapper.write_text(f'#!/bin/sh\nshift 2\nexec "{PYTHON}" "{tmp_path}/daemon.py" "$@"\n')
        wrapper.chmod(0o755)
        monkeypatch.setattr(starting.sys, "executable", str(wrapper))
        return home

    yield use
    if home.is_dir():
        (home / "stop").touch()
        starting.running(home)


def test_a_running_coordinator_is_taken(tmp_path: Path) -> None:
    with fake_server(tmp_path):
        assert ensure_coordinator(tmp_path) == config.read_connection(tmp_path)


def test_one_is_started_if_none_runs(daemon: Any) -> None:
    home = daemon()
    variables = {
        **os.environ,
        "MINE": "1",
        "JPY_PARENT_PID": "99",
        "PYTHONPATH": os.environ.get("PYTHONPATH", "kernel"),
    }
    found = ensure_coordinator(home, variables)
    assert found == config.read_connection(home)
    assert found["said"]["MINE"] == "1"
    assert found["said"]["CAESURA_HOME"] == str(home)
    assert "JPY_PARENT_PID" not in found["said"]
    assert not list(Path(found["cwd"]).glob("*.py"))
    assert all(os.path.isabs(entry) for entry in found["said"]["PYTHONPATH"].split(os.pathsep))
    for private in (home, home / "run"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_many_at_once_start_one(daemon: Any) -> None:
    home = daemon()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(ensure_coordinator(home)["pid"])) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 12
    assert len(set(found)) == 1
    assert (home / "starts").read_text() == "x"


def test_a_coordinator_that_cannot_start_says_why(daemon: Any) -> None:
    home = daemon("import sys; sys.exit('CAESURA_WORKERS is 0; it must be at least 1.')")
    with pytest.raises(CoordinatorUnavailable) as found:
        ensure_coordinator(home)
    assert str(found.value) == "CAESURA_WORKERS is 0; it must be at least 1."


def test_of_a_traceback_the_user_reads_the_last_line(daemon: Any) -> None:
    home = daemon("raise RuntimeError('a bug')")
    with pytest.raises(CoordinatorUnavailable, match=r"^The coordinator could not start: RuntimeError: a bug$"):
        ensure_coordinator(home)


def test_a_coordinator_that_fails_silently_is_named(daemon: Any) -> None:
    home = daemon("import sys; sys.exit(4)")
    with pytest.raises(CoordinatorUnavailable, match="status 4 and said nothing"):
        ensure_coordinator(home)


def test_a_coordinator_that_never_listens_is_given_up(daemon: Any) -> None:
    home = daemon("import signal; signal.pause()")
    began = time.monotonic()
    with pytest.raises(CoordinatorUnavailable, match=r"did not become reachable.*logs"):
        ensure_coordinator(home, limit_s=0.5)
    assert time.monotonic() - began < 5


def test_after_a_failed_start_the_next_one_works(daemon: Any) -> None:
    with pytest.raises(CoordinatorUnavailable):
        ensure_coordinator(daemon("import sys; sys.exit('no')"))
    assert ensure_coordinator(daemon())["pid"]


def test_a_start_that_was_begun_is_awaited_later(daemon: Any) -> None:
    home = daemon()
    begun = starting.begin(home, os.environ)
    assert begun is not None
    with begun:
        assert starting.begin(home, os.environ) is None  # one process starts it at a time
        assert begun.wait() == config.read_connection(home)
    assert starting.begin(home, os.environ) is None
    assert (home / "starts").read_text() == "x"


def test_a_begun_start_that_fails_says_why_and_lets_the_next_one_try(daemon: Any) -> None:
    begun = starting.begin(daemon("import sys; sys.exit('CAESURA_WORKERS is 0; it must be at least 1.')"), os.environ)
    assert begun is not None
    with begun, pytest.raises(CoordinatorUnavailable, match="CAESURA_WORKERS is 0"):
        begun.wait()
    assert ensure_coordinator(daemon())["pid"]


def test_nothing_is_begun_in_a_home_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    assert starting.begin(tmp_path / "home", os.environ) is None


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(HomeUnusable, match="CAESURA_HOME"):
        ensure_coordinator(tmp_path / "home")


def test_the_client_is_light() -> None:
    code = (
        "import sys; import caesura.client;"
        "print(sorted({'asyncio', 'subprocess', 'zmq', 'traitlets', 'sqlalchemy', 'psutil'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
