"""The home directory: where everything of one user's Caesura lies.

What lives here: making sure that the directory is there, ours and private, and its two secrets. What must not: what
the other parts put into it.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from caesura.errors import HomeUnusable
from caesura.store import output_files

KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Home:
    """A usable home directory. ``key`` authenticates blobs and snapshots; every process of the home runs under
    ``hash_seed`` as its ``PYTHONHASHSEED``."""

    path: Path
    key: bytes = field(repr=False)
    hash_seed: int = field(repr=False)

    @property
    def records_path(self) -> Path:
        return self.path / "records.sqlite"

    @property
    def blobs_path(self) -> Path:
        return self.path / "blobs"

    @property
    def outputs_path(self) -> Path:
        """Of :mod:`caesura.store.output_files`."""
        return self.path / output_files.FOLDER

    @property
    def run_path(self) -> Path:
        return self.path / "run"

    @property
    def begun_path(self) -> Path:
        """Of :mod:`caesura.store.begun`."""
        return self.run_path / "begun"

    @property
    def loaded_path(self) -> Path:
        """Of :mod:`caesura.store.loaded_kinds`."""
        return self.path / "loaded"

    @property
    def logs_path(self) -> Path:
        return self.path / "logs"


def open_home(path: str | os.PathLike[str]) -> Home:
    """The home at ``path``, created (mode 0700) if it is not there; safe to call from many processes at once.

    HomeUnusable, which says what to do, if it is no directory, belongs to somebody else, cannot be written, or is
    open to others and cannot be closed to them.
    """
    home = Path(path).expanduser().absolute()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(home)
        for name in ("blobs", "run", "logs"):
            (home / name).mkdir(mode=0o700, exist_ok=True)
            _make_private(home / name)
        key = _secret(home / "home.key", secrets.token_bytes(KEY_BYTES))
        drawn = str(secrets.randbelow(2**32 - 1) + 1).encode()
        seed = _secret(home / "home.hash_seed", drawn)
    except OSError as error:
        at = error.filename or home
        raise HomeUnusable(
            f"The Caesura home {home} cannot be used: {error.strerror or error} ({at}). "
            "Make it writable for your user, or point CAESURA_HOME at another directory."
        ) from error
    if len(key) != KEY_BYTES or not seed.isdigit() or not 1 <= int(seed) < 2**32:
        raise HomeUnusable(
            f"A secret of the Caesura home {home} is damaged (home.key or home.hash_seed). "
            "Restore it from a backup, or move the directory away: suspended cells in it cannot be resumed without it."
        )
    return Home(home, key, int(seed))


def _make_private(directory: Path) -> None:
    found = directory.stat()
    if found.st_uid != os.geteuid():
        raise HomeUnusable(
            f"The directory {directory} belongs to another user (uid {found.st_uid}, not {os.geteuid()}). "
            "Point CAESURA_HOME at a directory of your own."
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        try:
            directory.chmod(0o700)
        except OSError as error:
            raise HomeUnusable(
                f"The directory {directory} can be read by others, and that cannot be changed: {error.strerror}. "
                "Run `chmod 700` on it, or point CAESURA_HOME at another directory."
            ) from error
        if stat.S_IMODE(directory.stat().st_mode) & 0o077:  # some file systems accept and ignore it
            raise HomeUnusable(
                f"The directory {directory} stays open to others: its file system keeps no permissions. "
                "Point CAESURA_HOME at a directory on another file system."
            )
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise HomeUnusable(
            f"The directory {directory} cannot be written. "
            "Make it writable for your user, or point CAESURA_HOME at another directory."
        )


def _secret(path: Path, drawn: bytes) -> bytes:
    """The content of a secret file; ``drawn`` becomes it if there is none yet. One of several at once wins."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    # A link, not a rename or O_EXCL on the name itself: nobody sees it half written, and nobody replaces it.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(drawn)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return path.read_bytes()
        sync_directory(path.parent)
        return drawn
    finally:
        temporary.unlink()


def sync_directory(directory: Path) -> None:
    """Make the names in ``directory`` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
