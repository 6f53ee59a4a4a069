"""Where things are: the home directory, the coordinator's socket and its connection file.

What lives here: paths, and the two small files that say how to find a coordinator. Only the standard library is
imported, because the stub of every notebook uses it. What must not: settings of the coordinator (they are traitlets,
in ``coordinator/settings.py``), connections, processes.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from caesura.errors import HomeUnusable

SOCKET_PATH_LIMIT_BYTES: Final = 100
"""``sun_path`` holds 104 bytes on macOS and 108 on Linux, the closing zero included."""

STUB_STATE: Final = "CAESURA_STUB"
"""The variable with what a stub has to know when it wakes, JSON. The environment, unlike argv, is private."""

_FLAGS: Final = ("-f", "--f", "--connection-file", "--IPKernelApp.connection_file")
_TRUE: Final = {"1", "true", "yes", "on"}


def home_directory(environ: Mapping[str, str]) -> Path:
    """``$CAESURA_HOME``, else ``caesura`` in Jupyter's data directory; absolute, not necessarily there."""
    named = environ.get("CAESURA_HOME", "")
    path = Path(named).expanduser() if named else jupyter_data_directory(environ) / "caesura"
    return Path(os.path.abspath(path))


def jupyter_data_directory(environ: Mapping[str, str]) -> Path:
    """What ``jupyter --data-dir`` says, without importing Jupyter where its answer is simple."""
    if named := environ.get("JUPYTER_DATA_DIR"):
        return Path(named).expanduser()
    if environ.get("JUPYTER_PLATFORM_DIRS", "").lower() in _TRUE:
        from jupyter_core.paths import jupyter_data_dir

        return Path(jupyter_data_dir())
    user = Path(environ.get("HOME") or os.path.expanduser("~"))
    if sys.platform == "darwin":
        return user / "Library" / "Jupyter"
    shared = environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else user / ".local" / "share") / "jupyter"


def kernel_connection_file(arguments: Sequence[str]) -> tuple[str, list[str]] | None:
    """(Jupyter's connection file, the other arguments) of a kernel's arguments; None if they name none."""
    found: str | None = None
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        name, equals, value = argument.partition("=")
        if name in _FLAGS:
            found = value if equals else next(left, "")
        else:
            rest.append(argument)
    return None if found is None else (found, rest)


def run_directory(home: Path) -> Path:
    """Locks, the socket and the connection file."""
    return home / "run"


def log_directory(home: Path) -> Path:
    """The logs of the coordinator and the workers."""
    return home / "logs"


def connection_path(home: Path) -> Path:
    """The file that says where the coordinator of ``home`` listens."""
    return run_directory(home) / "coordinator.json"


def socket_path(home: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Where the coordinator of ``home`` listens.

    ``run/coordinator.sock``, or, when that is too long for a unix socket, a file in a private directory under
    ``$XDG_RUNTIME_DIR`` or the temporary directory. HomeUnusable if that directory is not ours alone.
    """
    direct = run_directory(home) / "coordinator.sock"
    if len(os.fsencode(direct)) <= SOCKET_PATH_LIMIT_BYTES:
        return direct
    import hashlib  # costs a megabyte (OpenSSL) in each stub, which rarely needs it

    environ = os.environ if environ is None else environ
    name = f"caesura-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    for parent in (environ.get("XDG_RUNTIME_DIR"), environ.get("TMPDIR"), "/tmp"):  # noqa: S108  # owner and mode are checked
        path = Path(parent or "", name, "coordinator.sock")
        if parent and os.access(parent, os.W_OK) and len(os.fsencode(path)) <= SOCKET_PATH_LIMIT_BYTES:
            make_private(path.parent)
            return path
    raise HomeUnusable(
        f"The Caesura home {home} is too long a path for a unix socket, and no short temporary directory is writable. "
        "Point CAESURA_HOME or XDG_RUNTIME_DIR at a shorter path."
    )


def make_private(directory: Path) -> None:
    """Create ``directory`` with mode 0700 if it is not there; HomeUnusable if it is not ours alone or not writable."""
    advice = "Make it writable for your user, or point CAESURA_HOME at another directory."
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
        if found.st_uid != os.geteuid():
            raise HomeUnusable(
                f"The directory {directory} belongs to another user (uid {found.st_uid}, not {os.geteuid()}). "
                "Point CAESURA_HOME at a directory of your own."
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            directory.chmod(0o700)
    except OSError as error:
        raise HomeUnusable(
            f"The Caesura directory {directory} cannot be used: {error.strerror or error}. {advice}"
        ) from error
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise HomeUnusable(f"The Caesura directory {directory} cannot be written. {advice}")


def read_connection(home: Path) -> dict[str, Any] | None:
    """What :func:`write_connection` wrote last, or None if there is nothing (readable) there.

    That the file is there does not say that the coordinator still runs.
    """
    try:
        found = json.loads(connection_path(home).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("socket"), str) else None


def write_connection(home: Path, connection: Mapping[str, Any]) -> None:
    """Say where the coordinator is: ``{"pid", "socket", "protocol", "version", "started"}``; replaced in one step."""
    path = connection_path(home)
    make_private(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(dict(connection), file)
    os.replace(temporary, path)


def remove_connection(home: Path, pid: int) -> None:
    """Take the connection file away if it still names the coordinator ``pid``."""
    found = read_connection(home)
    if found is not None and found.get("pid") == pid:
        connection_path(home).unlink(missing_ok=True)
