"""``caesura install --service``: a service of this user that starts the coordinator at login.

So cells whose time has come go on after a reboot without anybody opening a notebook. What lives here: the files of
systemd and launchd. What must not: what the coordinator does when it has nothing to do (it ends, and the next kernel
starts it).

https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html, and ``man launchd.plist``.
"""

from __future__ import annotations

import hashlib
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from caesura import config
from caesura.cli.context import Context
from caesura.errors import EnvironmentFault, UsageError

_TOOL_S: Final = 20.0


def install(context: Context) -> int:
    """Write the service, and have it start at every login; the coordinator runs from now on."""
    home = context.home.absolute()
    name = name_of(home, context.environ)
    if sys.platform == "darwin":
        path = agent_path(name)
        _write(path, plist(name, sys.executable, home))
        note = _run("launchctl", "bootstrap", f"gui/{os.getuid()}", str(path))
    else:
        _check_linux()
        path = unit_path(name, context.environ)
        _write(path, unit(sys.executable, home).encode())
        _link(wanted_path(name, context.environ), path)
        note = _run("systemctl", "--user", "daemon-reload") or _run("systemctl", "--user", "start", path.name)
    context.give({"name": path.name, "path": str(path), "home": str(home), "note": note})
    context.say(f"The service {path.name} is in {path}: the coordinator of {home} starts at every login.")
    if note:
        context.say(f"It could not be started now, only from the next login on: {note}")
    return 0


def uninstall(context: Context) -> int:
    """Remove what :func:`install` wrote. The coordinator that runs goes on until it has nothing to do."""
    name = name_of(context.home.absolute(), context.environ)
    if sys.platform == "darwin":
        path = agent_path(name)
        links = [path]
    else:
        _check_linux()
        path = unit_path(name, context.environ)
        links = [wanted_path(name, context.environ), path]
    if not path.is_file():
        raise UsageError(f"There is no service for the home {context.home}: {path} is not there.")
    note = ""
    for each in links:
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            raise EnvironmentFault(f"{each} cannot be removed: {error.strerror}.") from error
    if sys.platform != "darwin":
        note = _run("systemctl", "--user", "daemon-reload")
    context.give({"name": path.name, "path": str(path), "home": str(context.home), "note": note})
    context.say(f"The service {path.name} was removed from {path.parent}.")
    return 0


def name_of(home: Path, environ: Mapping[str, str]) -> str:
    """``caesura`` for the user's own home directory; others have a name of their own."""
    usual = {name: value for name, value in environ.items() if name != "CAESURA_HOME"}
    if home == config.home_directory(usual).absolute():
        return "caesura"
    return f"caesura-{hashlib.sha256(os.fsencode(home)).hexdigest()[:8]}"


def command(python: str, home: Path) -> list[str]:
    """What the service runs. It ends at once, and well, if a notebook was faster."""
    return [python, "-m", "caesura.coordinator", "--foreground", "--unless-running", "--home", str(home)]


# --- systemd --------------------------------------------------------------------------------------------------------


def unit_path(name: str, environ: Mapping[str, str]) -> Path:
    return _units(environ) / f"{name}.service"


def wanted_path(name: str, environ: Mapping[str, str]) -> Path:
    """The link that ``systemctl --user enable`` makes; made by us, it needs no running manager."""
    return _units(environ) / "default.target.wants" / f"{name}.service"


def _units(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base, "systemd", "user")


def unit(python: str, home: Path) -> str:
    """The unit. Workers outlive the coordinator, which takes them up again: only its own process is stopped."""
    return (
        "[Unit]\n"
        f"Description=Caesura: notebook cells that wait ({_escaped(str(home))})\n"
        "\n"
        "[Service]\n"
        "Type=simple\n"
        f"ExecStart={' '.join(map(_quoted, command(python, home)))}\n"
        "Restart=on-failure\n"
        "RestartSec=2\n"
        "KillMode=process\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """One word of a systemd command line."""
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'


# --- launchd --------------------------------------------------------------------------------------------------------


def agent_path(name: str) -> Path:
    return Path.home() / "Library" / "LaunchAgents" / f"org.caesura.{name}.plist"


def plist(name: str, python: str, home: Path) -> bytes:
    """The agent's property list."""
    return plistlib.dumps(
        {
            "Label": f"org.caesura.{name}",
            "ProgramArguments": command(python, home),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "AbandonProcessGroup": True,
            "ProcessType": "Background",
        }
    )


# --- writing --------------------------------------------------------------------------------------------------------


def _check_linux() -> None:
    if not sys.platform.startswith("linux"):
        raise UsageError(f"There are services for systemd and launchd, not for {sys.platform}.")


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise EnvironmentFault(f"The service cannot be written to {path}: {error.strerror}.") from error


def _link(link: Path, target: Path) -> None:
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    except OSError as error:
        raise EnvironmentFault(f"The link {link} cannot be made: {error.strerror}.") from error


def _run(tool: str, *words: str) -> str:
    """Run a tool of the system's; the empty string, or why it did not do what it should."""
    if shutil.which(tool) is None:
        return f"{tool} is not there."
    shown: Sequence[str] = (tool, *words)
    try:
        done = subprocess.run(shown, capture_output=True, text=True, timeout=_TOOL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`{' '.join(shown)}` cannot be run: {error}"
    if done.returncode:
        return f"`{' '.join(shown)}` says: {' '.join(done.stderr.split()) or f'exit status {done.returncode}'}"
    return ""
