"""Bad input: one clear error where the user looks, and nothing else stops working."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, is_alive, until

pytestmark = pytest.mark.process


def start_stub(home: Home, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Start a kernel as an editor would, and see it fail."""
    connection = tmp_path / "connection.json"
    connection.write_text(
        '{"transport":"tcp","ip":"127.0.0.1","shell_port":0,"iopub_port":0,"stdin_port":0,"control_port":0,'
        '"hb_port":0,"key":"secret-key-of-the-test","signature_scheme":"hmac-sha256"}'
    )
    return subprocess.run(
        [sys.executable, "-m", "caesura", "-f", str(connection)],
        env=home.environ(**env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def expect_one_clear_error(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "secret-key-of-the-test" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("command", [("start",), None], ids=["caesura start", "the kernel"])
@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"CAESURA_WORKERS": "0"}, ("CAESURA_WORKERS", "0", "1")),
        ({"CAESURA_WORKERS": "many"}, ("CAESURA_WORKERS", "many")),
    ],
)
def test_a_bad_setting_of_the_coordinator(
    make_home: Callable[..., Home],
    tmp_path: Path,
    command: tuple[str, ...] | None,
    env: dict[str, str],
    words: tuple[str, ...],
) -> None:
    home = make_home()
    result = home.command(*command, **env) if command else start_stub(home, tmp_path, **env)
    expect_one_clear_error(result, *words)


def test_an_unknown_default_policy_of_the_coordinator(make_home: Callable[..., Home]) -> None:
    result = make_home().command("start", CAESURA_POLICY="sometimes")
    expect_one_clear_error(result, "sometimes", "always")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").exists(), reason="root can write everywhere")
def test_a_home_that_cannot_be_made(make_home: Callable[..., Home], tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a directory")
    home = make_home()
    expect_one_clear_error(start_stub(home, tmp_path, CAESURA_HOME=str(blocker / "home")), str(blocker))


def test_records_of_a_newer_version_are_left_alone(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home()
    assert home.command("start").returncode == 0
    pid = home.coordinator_pid()
    home.request("stop", force=True)
    until(lambda: not is_alive(pid), "the coordinator has stopped")
    records = home.path / "records.sqlite"
    with sqlite3.connect(records) as database:
        changed = database.execute("update meta set value = '999' where key like '%version%'").rowcount
        assert changed == 1
    database.close()
    before = records.read_bytes()
    expect_one_clear_error(start_stub(home, tmp_path), "999", str(records))
    assert records.read_bytes() == before


def test_a_second_coordinator_names_the_first(home: Home) -> None:
    home.notebook()
    result = subprocess.run(
        [sys.executable, "-m", "caesura.coordinator", "--home", str(home.path), "--foreground"],
        env=home.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    expect_one_clear_error(result, str(home.coordinator_pid()))
    assert home.notebooks[0].run("1").value == "1"


def test_a_home_on_a_path_too_long_for_a_socket_works(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home()
    home.path = tmp_path / ("long" * 30) / "home"
    home.path.parent.mkdir()
    assert home.notebook().run("1 + 1").value == "2"


def test_an_argument_that_cannot_be_pickled_is_named(home: Home) -> None:
    result = home.notebook().run(
        "import caesura, threading\n@caesura.remote\ndef f(a, lock): pass\n"
        "held = threading.Lock(); held.acquire()\nawait f(1, lock=held)"
    )
    assert result.error is not None
    assert "lock" in result.error["evalue"]


def test_a_result_that_cannot_be_pickled_is_named(home: Home) -> None:
    notebook = home.notebook()
    result = notebook.run("import caesura, socket\n@caesura.remote\ndef f(): return socket.socket()\nawait f()")
    assert result.error is not None
    assert "socket" in result.error["evalue"]
    assert notebook.run("1").value == "1"
