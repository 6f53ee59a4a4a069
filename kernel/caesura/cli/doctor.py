"""``caesura doctor``: whether everything that Caesura leans on is as it has to be.

What lives here: one function per thing looked at. What must not: repairs.
"""

from __future__ import annotations

import os
import platform
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import caesura
from caesura import config
from caesura.cli.context import Context
from caesura.cli.install import is_ours
from caesura.client import Client
from caesura.errors import CaesuraError
from caesura.policy import parse
from caesura.starting import running

_PACKAGES = ("ipykernel", "ipython", "jupyter-client", "pyzmq", "tornado", "traitlets", "sqlalchemy", "dill", "psutil")
_MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}

Level = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``bad`` keeps Caesura from working, ``note`` is worth knowing."""

    name: str
    level: Level
    detail: str
    remedy: str = ""


def doctor(context: Context) -> int:
    """Say what was found; 1 if something is bad."""
    found = list(findings(context))
    is_well = all(finding.level != "bad" for finding in found)
    context.give({"ok": is_well, "findings": [asdict(finding) for finding in found]})
    width = max(len(finding.name) for finding in found)
    for finding in found:
        context.say(f"{_MARKS[finding.level]}  {finding.name:<{width}}  {finding.detail}")
        if finding.remedy:
            context.say(f"      {'':<{width}}  {finding.remedy}")
    return 0 if is_well else 1


def findings(context: Context) -> Iterator[Finding]:
    yield _versions()
    yield _packages()
    yield frames()
    yield _home(context)
    yield _socket(context)
    yield _kernelspec()
    yield _hash_seed(context)
    yield _policy(context)
    yield _coordinator(context)


def _versions() -> Finding:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return Finding("versions", "ok", f"caesura {caesura.__version__}, {python} ({sys.executable}), {platform.system()}")


def _packages() -> Finding:
    versions, missing = [], []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = f"{sys.executable} -m pip install {' '.join(missing)}"
        return Finding("packages", "bad", f"missing: {', '.join(missing)}", remedy)
    return Finding("packages", "ok", ", ".join(versions))


def frames() -> Finding:
    """Whether this interpreter's frames can be read and written; tried in a process of its own, which may crash."""
    code = "import caesura.frames; print(caesura.frames.unavailable_reason() or '')"
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    reason = tried.stdout.strip()
    if tried.returncode:
        said = tried.stderr.strip().splitlines()
        reason = said[-1] if said else f"the self-check ended with status {tried.returncode}"
    if reason:
        return Finding("frames", "note", f"cells are held, not moved: {reason}", "Use a released CPython 3.11 to 3.14.")
    return Finding("frames", "ok", "suspended frames can be read and written")


def _home(context: Context) -> Finding:
    home = context.home
    advice = "Make it writable for your user only, or point CAESURA_HOME at another directory."
    if not home.exists():
        parent = next(folder for folder in home.parents if folder.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            return Finding("home", "bad", f"{home} cannot be made: {parent} is not writable", advice)
        return Finding("home", "ok", f"{home} (made by the first kernel)")
    found = home.stat()
    if not home.is_dir() or found.st_uid != os.geteuid() or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return Finding("home", "bad", f"{home} is not a writable directory of yours", advice)
    if stat.S_IMODE(found.st_mode) & 0o077:
        return Finding(
            "home", "note", f"{home} can be read by others", f"It is closed at the next start: chmod 700 {home}"
        )
    return Finding("home", "ok", f"{home}, mode {stat.S_IMODE(found.st_mode):04o}")


def _socket(context: Context) -> Finding:
    direct = config.run_directory(context.home) / "coordinator.sock"
    length = len(os.fsencode(direct))
    if length <= config.SOCKET_PATH_LIMIT_BYTES:
        return Finding("socket", "ok", f"{direct} ({length} of {config.SOCKET_PATH_LIMIT_BYTES} bytes)")
    try:
        path = config.socket_path(context.home, context.environ)
    except CaesuraError as error:
        return Finding("socket", "bad", str(error))
    return Finding("socket", "ok", f"{path}, because the home's path is too long ({length} bytes)")


def _kernelspec() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager

    ours = {name: path for name, path in KernelSpecManager().find_kernel_specs().items() if is_ours(Path(path))}
    if not ours:
        return Finding("kernelspec", "bad", "Jupyter finds none of Caesura", "caesura install --user")
    return Finding("kernelspec", "ok", ", ".join(f"{name} in {path}" for name, path in ours.items()))


def _hash_seed(context: Context) -> Finding:
    own = context.environ.get("PYTHONHASHSEED")
    if not own:
        return Finding("hash seed", "ok", "PYTHONHASHSEED is not set: all workers get the home's own")
    if own == "random":
        remedy = "Unset it: objects cache hashes, which must be the same in every worker."
        return Finding("hash seed", "bad", "PYTHONHASHSEED is random, which no two workers share", remedy)
    return Finding("hash seed", "note", f"PYTHONHASHSEED is {own}: a cell can only resume where it is the same")


def _policy(context: Context) -> Finding:
    text = context.environ.get("CAESURA_POLICY", "auto")
    try:
        return Finding("policy", "ok", f"CAESURA_POLICY: {parse(text)}")
    except CaesuraError as error:
        return Finding("policy", "bad", str(error))


def _coordinator(context: Context) -> Finding:
    if running(context.home) is None:
        return Finding("coordinator", "ok", "none runs now; it starts with the first kernel")
    try:
        with Client(context.home, timeout_s=5.0) as client:
            about = client.request("status")["coordinator"]
    except CaesuraError as error:
        return Finding("coordinator", "bad", str(error))
    detail = f"pid {about['pid']}, version {about['version']}"
    if about["version"] != caesura.__version__:
        remedy = "It is replaced after `caesura stop`."
        return Finding("coordinator", "note", f"{detail}; installed is {caesura.__version__}", remedy)
    return Finding("coordinator", "ok", detail)
