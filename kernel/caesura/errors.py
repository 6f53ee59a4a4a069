"""Every exception that Caesura raises, in one place.

What lives here: exception classes, split by who has to act. What must not: any import, any logic.

- :class:`UsageError`: the caller did something that cannot work; the text says what to do instead.
- :class:`EnvironmentFault`: the world around Caesura is not as it must be (a path, a version, a process).
- :class:`CannotMove`: something cannot be saved; the cell that holds it stays where it is.
- :class:`SnapshotRefused`: a stored snapshot cannot be loaded.
- :class:`CallFailed`: a remote call did not give a result.
- :class:`InternalError`: a promise of ours is broken; always a bug.
"""

from __future__ import annotations


class CaesuraError(Exception):
    """The root of all errors of this package."""


class UsageError(CaesuraError):
    """The caller has to change something: a name, a value, a setting."""


class EnvironmentFault(CaesuraError):
    """A path, a permission, a version or a process is not as it has to be."""


class HomeUnusable(EnvironmentFault):
    """The home directory cannot be used: it is not writable, not ours, or not private."""


class StoreFull(HomeUnusable):
    """There is no room for a snapshot: on the disk, or under the quota."""


class SchemaTooNew(EnvironmentFault):
    """The records were written by a newer version of Caesura."""

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(
            f"The records at {path} have schema version {found}, this Caesura knows up to {known}. "
            "Install the newer Caesura again, or point CAESURA_HOME at another directory."
        )
        self.path = path
        self.found = found
        self.known = known


class CoordinatorUnavailable(EnvironmentFault):
    """No coordinator runs for this home, and none could be started."""


class ProtocolMismatch(EnvironmentFault):
    """The two ends of a connection speak different versions of the protocol."""

    def __init__(self, ours: int, theirs: int) -> None:
        super().__init__(
            f"This Caesura speaks protocol {ours}, the other side speaks {theirs}. "
            "Stop the coordinator with `caesura stop` and start it again with the version that is installed."
        )
        self.ours = ours
        self.theirs = theirs


class WouldLoseState(UsageError):
    """What was asked for would lose variables or a cell, and nobody has said that this is meant."""


class CannotMove(CaesuraError):
    """Something in a session cannot be saved.

    ``path`` says how to reach it from the namespace or a frame (``loader._conn``), ``kind`` what it is
    (``sqlite3.Connection``), ``remedy`` what the user can do about it.
    """

    def __init__(self, kind: str, path: str = "", remedy: str = "") -> None:
        text = f"{path}: {kind} cannot be moved" if path else f"{kind} cannot be moved"
        super().__init__(f"{text}. {remedy}" if remedy else text)
        self.kind = kind
        self.path = path
        self.remedy = remedy


class CannotLoad(CannotMove):
    """A session was saved, and could not be loaded when that was tried. ``detail`` says what happened."""

    def __init__(self, kind: str, path: str = "", remedy: str = "", detail: str = "") -> None:
        super().__init__(kind, path, remedy)
        self.detail = detail


class FramesUnavailable(CaesuraError):
    """Suspended frames cannot be read or written on this interpreter; the text says why."""


class SaveAborted(CaesuraError):
    """A save was given up because an answer or an interrupt came first."""


class SnapshotRefused(CaesuraError):
    """A snapshot cannot be loaded: it was changed, or belongs to another version of Python."""

    def __init__(self, text: str, blob: str = "") -> None:
        super().__init__(text)
        self.blob = blob


class CallFailed(CaesuraError):
    """A remote call ended without a result."""


class OperationUncertain(CallFailed):
    """A call may or may not have been carried out, and repeating it might do it twice.

    A remote function whose worker died is in this state, unless it was given ``retries``.
    """


class WorkerDied(CaesuraError):
    """The process that ran a cell ended inside it."""


class InternalError(CaesuraError):
    """A promise that Caesura makes to itself is broken."""
