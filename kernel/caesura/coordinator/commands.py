"""What the core asks the shell to do, as values.

What lives here: one frozen dataclass per command. What must not: doing anything. A test reads them like a transcript;
``effects.py`` carries them out in the order in which they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from caesura.wire.codec import Buffer
from caesura.wire.messages import Json, Message

if TYPE_CHECKING:
    from caesura.store.records import Records


@dataclass(frozen=True, slots=True)
class SendWorker:
    """To the worker's link; dropped if it has none now (what must arrive is sent again when it comes back)."""

    worker_id: str
    message: Message


@dataclass(frozen=True, slots=True)
class SendLink:
    """To a stub or client."""

    link: int
    message: Message


@dataclass(frozen=True, slots=True)
class CloseLink:
    link: int


@dataclass(frozen=True, slots=True)
class NeedEnvironment:
    """Start the zygote of an environment; the answer is ``environment_ready`` or ``environment_failed``."""

    key: str
    environment: Json


@dataclass(frozen=True, slots=True)
class StartWorker:
    worker_id: str
    key: str
    environment: Json


@dataclass(frozen=True, slots=True)
class CheckComplete:
    """Ask the zygote of an environment whether code is complete; ``then`` gets the content of the reply, or None."""

    key: str
    code: str
    then: Callable[[Json | None], None]


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """Answer a history request from IPython's file; ``then`` gets the content of the reply, or None."""

    file: str
    session: int
    content: Json
    then: Callable[[Json | None], None]


@dataclass(frozen=True, slots=True)
class MeasureUsage:
    """What the process ``pid`` takes (0: none); ``then`` gets the content of a usage reply."""

    pid: int
    then: Callable[[Json], None]


@dataclass(frozen=True, slots=True)
class TellZygote:
    """To the zygote of an environment, if it is there."""

    key: str
    message: Message


@dataclass(frozen=True, slots=True)
class LookAtStore:
    """Answer a client's request with what the store is like, after a collection if ``collects``."""

    link: int
    number: int
    collects: bool


@dataclass(frozen=True, slots=True)
class KillWorker:
    """SIGKILL; its exit is reported as every other."""

    worker_id: str


@dataclass(frozen=True, slots=True)
class BindFront:
    """Bind a notebook's sockets, or take up those that are bound for the same ports."""

    session_id: str
    connection: Json


@dataclass(frozen=True, slots=True)
class CloseFront:
    session_id: str


@dataclass(frozen=True, slots=True)
class UnbindFront:
    """Close a notebook's sockets; the notebook goes on, and may be bound elsewhere."""

    session_id: str


@dataclass(frozen=True, slots=True)
class HoldIopub:
    session_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FrontSend:
    """Pass a message of the worker on. ``frames`` are header, parent header, metadata, content, buffers.

    ``place`` is its number among the notebook's recorded outputs; it is sent at most once, restarts included. What lies
    ``apart`` (:class:`~caesura.wire.messages.Output`) is in the file of the number ``file``.
    """

    session_id: str
    channel: str
    idents: Sequence[bytes]
    frames: Sequence[bytes]
    place: int = 0
    file: int = 0
    apart: Sequence[Sequence[int]] = ()


@dataclass(frozen=True, slots=True)
class FrontPublish:
    session_id: str
    msg_type: str
    content: Json
    parent: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FrontReply:
    session_id: str
    channel: str
    idents: Sequence[bytes]
    msg_type: str
    content: Json
    parent: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Persist:
    """Run ``function`` on the records, in its turn, in one transaction; then call ``then`` with its result.

    ``failed`` gets the exception of a transaction that could not be made.
    """

    function: Callable[[Records], Any]
    then: Callable[[Any], None] | None = None
    durable: bool = False
    failed: Callable[[BaseException], None] | None = None


TimerName = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Call ``timer(name)`` at wall time ``at``; an earlier one of this name is replaced."""

    name: TimerName
    at: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    name: TimerName


@dataclass(frozen=True, slots=True)
class Quit:
    """End the coordinator."""

    reason: str


Command = (
    SendWorker
    | SendLink
    | CloseLink
    | NeedEnvironment
    | StartWorker
    | KillWorker
    | BindFront
    | CloseFront
    | UnbindFront
    | HoldIopub
    | FrontSend
    | FrontPublish
    | FrontReply
    | LookAtStore
    | TellZygote
    | CheckComplete
    | ReadHistory
    | MeasureUsage
    | Persist
    | SetTimer
    | CancelTimer
    | Quit
)


@dataclass(slots=True)
class Outbox:
    """The commands of one turn of the core, in order."""

    commands: list[Command] = field(default_factory=list)

    def put(self, command: Command) -> None:
        self.commands.append(command)

    def take(self) -> list[Command]:
        """All commands since the last call."""
        commands, self.commands = self.commands, []
        return commands


def as_bytes(buffers: Sequence[Buffer]) -> list[bytes]:
    return [bytes(buffer) for buffer in buffers]
