"""The service that starts the coordinator at login: its files, where they lie, and what is said without systemd."""

from __future__ import annotations

import configparser
import json
import os
import plistlib
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from caesura.cli import main, service

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="systemd is Linux's")


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's units lie; no tool of the system's is there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CAESURA_HOME", raising=False)
    return tmp_path / "config" / "systemd" / "user"


def tool(directory: Path, name: str, script: str) -> None:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_unit_starts_the_coordinator_of_this_home_and_leaves_its_workers_alone() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(service.unit("/env with blank/bin/python", Path("/home/ada/100%/caesura")))
    assert shlex.split(unit["Service"]["ExecStart"]) == [
        "/env with blank/bin/python", "-m", "caesura.coordinator", "--foreground", "--unless-running",
        "--home", "/home/ada/100%%/caesura",
    ]  # fmt: skip
    assert unit["Service"]["Restart"] == "on-failure"
    assert unit["Service"]["KillMode"] == "process"
    assert unit["Install"]["WantedBy"] == "default.target"


def test_the_agent_of_launchd_starts_the_coordinator_at_login() -> None:
    agent = plistlib.loads(service.plist("caesura", "/env/bin/python", Path("/Users/ada/caesura")))
    assert agent["Label"] == "org.caesura.caesura"
    assert agent["ProgramArguments"] == service.command("/env/bin/python", Path("/Users/ada/caesura"))
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["AbandonProcessGroup"] is True


@linux_only
def test_install_writes_and_enables_the_unit_and_says_that_systemctl_is_missing(
    units: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--service"]) == 0
    said = capsys.readouterr().out
    assert "systemctl is not there" in said
    path, link = units / "caesura.service", units / "default.target.wants" / "caesura.service"
    assert sys.executable in path.read_text()
    assert link.resolve() == path.resolve()
    assert main(["install", "--service"]) == 0  # again, over itself
    assert main(["uninstall", "--service"]) == 0
    assert not path.exists()
    assert not link.is_symlink()


@linux_only
def test_what_systemctl_says_is_passed_on(units: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool(tmp_path / "bin", "systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    assert main(["install", "--service", "--json"]) == 0
    assert "Failed to connect to bus" in json.loads(capsys.readouterr().out)["note"]


@linux_only
def test_a_running_systemd_is_told(units: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool(tmp_path / "bin", "systemctl", f'echo "$@" >> {tmp_path}/told')
    assert main(["install", "--service", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["note"] == ""
    assert (tmp_path / "told").read_text() == "--user daemon-reload\n--user start caesura.service\n"


@linux_only
def test_another_home_has_a_service_of_its_own(units: Path, tmp_path: Path) -> None:
    assert main(["--home", str(tmp_path / "other"), "install", "--service"]) == 0
    assert main(["install", "--service"]) == 0
    names = sorted(path.name for path in units.glob("*.service"))
    assert len(names) == 2
    assert names[1] == "caesura.service"
    assert str(tmp_path / "other") in (units / names[0]).read_text()


@linux_only
def test_there_is_nothing_to_uninstall(units: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["uninstall", "--service"]) == 1
    assert "There is no service" in capsys.readouterr().err


@linux_only
def test_a_place_that_cannot_be_written_is_said(units: Path, capsys: pytest.CaptureFixture[str]) -> None:
    units.parent.parent.write_text("a file")
    assert main(["install", "--service"]) == 1
    assert f"cannot be written to {units}" in capsys.readouterr().err


def test_install_says_where_or_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install"]) == 2
    assert main(["install", "--user", "--service"]) == 2
    capsys.readouterr()


@pytest.mark.process
def test_what_the_service_runs_ends_well_when_a_coordinator_runs_already(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environ = {**os.environ, "CAESURA_HOME": str(home), "JUPYTER_NO_CONFIG": "1"}
    first = subprocess.Popen(service.command(sys.executable, home), env=environ, stderr=subprocess.PIPE, text=True)
    try:
        assert first.stderr is not None
        for line in first.stderr:
            if "listens at" in line:
                break
        second = subprocess.run(service.command(sys.executable, home), env=environ, capture_output=True, text=True)
        assert second.returncode == 0
        assert "runs already" in second.stderr
    finally:
        first.terminate()
        first.communicate()
    assert first.returncode == 0
