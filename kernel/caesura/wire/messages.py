"""The messages between coordinator, workers, zygotes, stubs and clients, one frozen dataclass each.

Every field is a JSON value; bytes travel in ``buffers``, which each class explains. The first message of a connection
to the coordinator is :class:`Hello`; the answer is :class:`Welcome`, or :class:`Refused` and the end of the connection.

``epoch`` numbers the processes that may act for a session: the coordinator ignores a message with a stale one (I1).

The file is long because the protocol is one list, which is read, changed and versioned as a whole.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caesura.model import PROTOCOL, CallKind, Obstacle, Wait
from caesura.wire.codec import Buffer, MalformedFrame, encode

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Message:
    """The root of all messages. ``buffers`` is not part of the JSON body."""

    buffers: tuple[Buffer, ...] = field(default=(), repr=False)


# --- connections: anybody ↔ coordinator -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Hello(Message):
    """Who connects. ``role`` is worker, stub or client; a worker that comes back names its session and epoch."""

    role: str
    protocol: int = PROTOCOL
    version: str = ""
    pid: int = 0
    worker_id: str = ""
    session_id: str = ""
    epoch: int = 0
    last_acked: int = 0


@dataclass(frozen=True, kw_only=True)
class Welcome(Message):
    pid: int
    protocol: int = PROTOCOL
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Refused(Message):
    reason: str
    protocol: int = PROTOCOL


# --- coordinator → worker -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Attach(Message):
    """Take a session up.

    ``manifest`` is None for a new session, else the manifest of the snapshot to load. ``next_number`` is the number of
    the first numbered message to send. ``answers`` lists what came while nobody was there, oldest first, as
    ``{"op_id", "ok", "at", "buffer"}`` where ``buffer`` is an index into ``buffers`` (the result's bytes).
    For a function, ``buffers[0]`` of a new session is the pickled call.
    ``cell`` describes the suspended cell, if there is one: ``{"cell_id", "moves"}``; for a function it also has
    ``"parent"``, the header under which its output appears. ``stream`` is the index of the buffer that is the
    snapshot's stream, None if that is in a blob.
    """

    session_id: str
    epoch: int
    kind: str
    environment: Json  # {"cwd", "env": {...}, "argv": [...], "connection_file"}
    next_number: int
    manifest: Json | None = None
    stream: int | None = None
    answers: Sequence[Json] = ()
    cell: Json | None = None
    policy: str = "auto"
    notice: str = ""  # shown once on stderr of the first cell, for example an unknown policy


@dataclass(frozen=True, kw_only=True)
class Go(Message):
    """The answer to :class:`Loaded`: it is durable that the session is in this process, so that the snapshot is never
    loaded again by itself. No code of the user runs before this. ``interrupt`` is true when a recorded interrupt has to
    take effect first."""

    epoch: int
    interrupt: bool = False


@dataclass(frozen=True, kw_only=True)
class Deliver(Message):
    """A Jupyter request for the worker. ``channel`` is shell, control or stdin.

    ``buffers`` are: the client's identities (``idents`` of them), then header, parent header, metadata, content, and
    the message's own buffers. For an execute request ``cell_id`` is the cell's id (its ``msg_id``).
    """

    channel: str
    idents: int
    msg_type: str
    cell_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Interrupt(Message):
    """Interrupt what runs, as SIGINT does."""


@dataclass(frozen=True, kw_only=True)
class Freeze(Message):
    """Save the session if it is still in block ``serial``; ``abortable`` is false under ``always``. No more than
    ``room_bytes`` may be written for it (None: as much as the disk takes)."""

    epoch: int
    serial: int
    abortable: bool = True
    room_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict(Message):
    """On a prepared snapshot: the process exits at once if ``released``, else it goes on."""

    epoch: int
    serial: int
    released: bool
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Answered(Message):
    """The answer of an operation; ``buffers[0]`` is the pickled result or exception. ``text`` describes an error
    that no process could pickle (``uncertain``: the worker of a function died)."""

    op_id: str
    ok: bool
    at: float
    uncertain: bool = False
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Acked(Message):
    """Numbered messages up to ``last`` are recorded; the worker may forget them."""

    last: int


@dataclass(frozen=True, kw_only=True)
class Exit(Message):
    """End now. With ``gently`` the interpreter is finalised (``atexit`` runs), else ``os._exit``."""

    gently: bool = True


# --- worker → coordinator -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Loaded(Message):
    """The session is in this process, which waits for :class:`Go`. ``seconds`` is what the load cost.

    Said again after a lost link until the answer has come.
    """

    epoch: int
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Going(Message):
    """The answer to :class:`Go`, on its way before any code of the user runs: a worker that dies without it has run
    none, and another one may load the snapshot."""

    epoch: int


@dataclass(frozen=True, kw_only=True)
class LoadFailed(Message):
    """The snapshot cannot be loaded. ``final`` when another attempt cannot help (a blob is damaged)."""

    epoch: int
    reason: str
    blob: str = ""
    final: bool = False


@dataclass(frozen=True, kw_only=True)
class Numbered(Message):
    """What must arrive once and in order: ``number`` counts them over all workers of a session, from 1.

    The worker keeps each until :class:`Acked` names it and sends it again after a lost connection; the coordinator
    ignores a number that it has recorded.
    """

    epoch: int
    number: int


@dataclass(frozen=True, kw_only=True)
class Output(Numbered):
    """A Jupyter message for the clients.

    ``channel`` is iopub, shell, control or stdin. ``buffers`` are the identities or topic (``idents`` of them), then
    header, parent header, metadata, content, and the message's own buffers; nothing is signed.

    ``apart`` lists ``[place, size]`` of the buffers that are empty here and lie, one after the other, in the file of
    this session and number (:mod:`caesura.store.output_files`).
    """

    channel: str
    idents: int
    msg_type: str
    parent_id: str = ""
    apart: Sequence[Sequence[int]] = ()


@dataclass(frozen=True, kw_only=True)
class CellStarted(Numbered):
    cell_id: str


@dataclass(frozen=True, kw_only=True)
class CellDone(Numbered):
    """The cell's reply and idle have been sent. ``status`` is ok, error or aborted."""

    cell_id: str
    status: str
    execution_count: int = 0
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Blocked(Message):
    """Nothing can run. ``serial`` numbers the blocks of this process; ``cell_id`` is empty between cells.

    ``waits`` and ``obstacles`` are lists of the fields of :class:`~caesura.model.Wait` and
    :class:`~caesura.model.Obstacle`; ``wake`` is a wake condition as JSON. ``size_hint_bytes`` is the last known size
    of the session.
    """

    epoch: int
    serial: int
    cell_id: str
    waits: Sequence[Json]
    obstacles: Sequence[Json]
    wake: Json
    since: float
    size_hint_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Unmovable(Message):
    """Which variables would hold the session, as far as they were looked at between cells; said when that changes.

    ``variables`` are fields of :class:`~caesura.model.Obstacle`; ``waiting`` variables have not been looked at yet.
    """

    epoch: int
    variables: Sequence[Json]
    waiting: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress(Message):
    """How far a remote function is, by its own account: ``done`` of ``total``, in any unit."""

    epoch: int
    done: float
    total: float


@dataclass(frozen=True, kw_only=True)
class Unblocked(Message):
    epoch: int
    serial: int


@dataclass(frozen=True, kw_only=True)
class Frozen(Message):
    """All streams are flushed and no user code runs until the verdict."""

    epoch: int
    serial: int
    last_number: int


@dataclass(frozen=True, kw_only=True)
class Prepared(Message):
    """The blobs of the snapshot are on disk. ``manifest`` is the archive's manifest; ``seconds`` is what the save cost.

    A small snapshot's stream is in no blob but in ``buffers[0]``, so that it is written and synced with the records.
    ``waits`` and ``wake`` are those of the block, for a coordinator that was started in between. ``pending`` are the
    operations whose answers the snapshot does not have: whoever loads it needs them. ``written_bytes`` is how much of
    ``size_bytes`` was not stored before.
    """

    epoch: int
    serial: int
    manifest: Json
    last_number: int
    size_bytes: int
    seconds: float
    waits: Sequence[Json] = ()
    wake: Json = field(default_factory=lambda: {"any": []})
    pending: Sequence[str] = ()
    written_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class NotSaved(Message):
    """The save was given up: ``obstacles`` say why, or ``aborted`` because something came first."""

    epoch: int
    serial: int
    aborted: bool
    obstacles: Sequence[Json] = ()


@dataclass(frozen=True, kw_only=True)
class Call(Numbered):
    """Start an operation; ``buffers[0]`` is its request. ``options`` depend on the kind.

    function: ``{"retries"}``; event: ``{"schema", "timeout"}``. ``parent`` is the header under which output of the
    call appears.
    """

    op_id: str
    kind: str
    key: str
    label: str
    cell_id: str
    options: Json = field(default_factory=dict)
    parent: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CancelCall(Numbered):
    op_id: str


@dataclass(frozen=True, kw_only=True)
class FunctionDone(Numbered):
    """A function session has its result: ``buffers[0]`` is the pickled value or exception."""

    ok: bool


# --- stub or provisioner ↔ coordinator ------------------------------------------------------------------------------
#
# A stub is one kernel, and the end of its connection is the kernel's. A provisioner's connection stands for all kernels
# of its process: ``token``, which it chooses, says which one is meant, and is empty for a stub.


@dataclass(frozen=True, kw_only=True)
class OpenKernel(Message):
    """→ coordinator: host the kernel of this connection file. ``session_id`` is set when who opened it comes back.

    ``environment``: ``{"executable", "prefix", "cwd", "env": {...}, "argv": [...], "connection_file"}``;
    ``name`` is the notebook's path if the server said it. With a token the coordinator may be left to choose the ports
    (all 0). ``is_known`` says that nothing is to be opened if there is no such session any more; the answer is
    :class:`KernelEnded` then.
    """

    connection: Json
    environment: Json
    name: str = ""
    session_id: str = ""
    token: str = ""
    is_known: bool = False


@dataclass(frozen=True, kw_only=True)
class KernelOpened(Message):
    """coordinator →: to a stub at once; to a provisioner when the sockets are bound, with their ``connection``."""

    session_id: str
    token: str = ""
    connection: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KernelSignal(Message):
    """→ coordinator: interrupt, terminate, orphaned (a stub's parent is gone), or kill (which kills a stub itself)."""

    signal: str
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class KernelEnded(Message):
    """coordinator →: the kernel is over; exit with ``code``. ``text`` goes to stderr or a log if it is not empty."""

    code: int = 0
    text: str = ""
    token: str = ""


# --- coordinator ↔ zygote -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Fork(Message):
    """coordinator → zygote: start a worker."""

    worker_id: str
    cwd: str
    env: Json


@dataclass(frozen=True, kw_only=True)
class Preload(Message):
    """coordinator → zygote: sessions use the modules ``names``, the most used first; it may take ``budget_bytes`` more
    to have them imported."""

    names: Sequence[str]
    budget_bytes: int


@dataclass(frozen=True, kw_only=True)
class Preloaded(Message):
    """zygote → coordinator: the modules that are imported, and why others are not; what the process takes."""

    names: Sequence[str]
    refused: Json
    rss_bytes: int


@dataclass(frozen=True, kw_only=True)
class ZygoteReady(Message):
    """zygote → coordinator. ``kernel_info`` is the content of a kernel_info_reply in this environment;
    ``frames`` is empty, or why suspended frames are not available here."""

    pid: int
    kernel_info: Json
    frames: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckComplete(Message):
    """coordinator → zygote: whether a client's ``code`` is complete, for a notebook that is parked."""

    number: int
    code: str


@dataclass(frozen=True, kw_only=True)
class Completeness(Message):
    """zygote → coordinator: ``content`` of the is_complete_reply."""

    number: int
    content: Json


@dataclass(frozen=True, kw_only=True)
class Forked(Message):
    worker_id: str
    pid: int


@dataclass(frozen=True, kw_only=True)
class ForkFailed(Message):
    worker_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class WorkerExited(Message):
    """zygote → coordinator: a child was reaped. ``status`` is as from ``os.waitstatus_to_exitcode``."""

    worker_id: str
    pid: int
    status: int


# --- worker ↔ trial -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Try(Message):
    """worker → trial: become a worker of this directory and these variables, and load what the :class:`Attach` behind
    this message says. It ends after ``limit_s`` by itself."""

    cwd: str
    env: Json
    limit_s: float


@dataclass(frozen=True, kw_only=True)
class Tried(Message):
    """trial → worker: ``error`` is empty, or what the load raised; ``places`` are then the qualified names of the
    functions in which that was, the innermost first."""

    error: str = ""
    places: Sequence[str] = ()


# --- clients ↔ coordinator ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Request(Message):
    number: int
    method: str
    params: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reply(Message):
    """``error`` is empty, or the text that the user reads; ``error_type`` names the class in caesura.errors."""

    number: int
    result: Any = None
    error: str = ""
    error_type: str = ""


@dataclass(frozen=True, kw_only=True)
class Event(Message):
    """Something changed, for clients that asked with the method ``subscribe``."""

    name: str
    data: Json = field(default_factory=dict)


# --- coding ---------------------------------------------------------------------------------------------------------


def _type_name(cls: type[Message]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


_CLASSES: dict[str, type[Message]] = {
    _type_name(cls): cls for root in (Message, Numbered) for cls in root.__subclasses__() if cls is not Numbered
}
_NAMES: dict[type[Message], str] = {cls: name for name, cls in _CLASSES.items()}
_FIELDS: dict[type[Message], tuple[str, ...]] = {
    cls: tuple(f.name for f in dataclasses.fields(cls) if f.name != "buffers") for cls in _NAMES
}


def pack(message: Message) -> list[Buffer]:
    """The message as a frame: a list of buffers to send one after the other."""
    cls = type(message)
    body: dict[str, object] = {"type": _NAMES[cls]}
    for name in _FIELDS[cls]:
        body[name] = getattr(message, name)
    return encode(body, message.buffers)


def unpack(body: Mapping[str, Any], buffers: Sequence[Buffer]) -> Message:
    """The message in a decoded frame; MalformedFrame if it is none. Unknown fields are ignored."""
    cls = _CLASSES.get(str(body.get("type")))
    if cls is None:
        raise MalformedFrame(f"unknown message type {body.get('type')!r}")
    values = {name: body[name] for name in _FIELDS[cls] if name in body}
    try:
        return cls(buffers=tuple(buffers), **values)
    except TypeError as error:
        raise MalformedFrame(f"message {body.get('type')!r}: {error}") from error


def wait_to_json(wait: Wait) -> Json:
    return {**dataclasses.asdict(wait), "kind": str(wait.kind)}


def wait_from_json(value: Mapping[str, Any]) -> Wait:
    return Wait(**{**value, "kind": CallKind(value["kind"])})


def obstacle_to_json(obstacle: Obstacle) -> Json:
    return dataclasses.asdict(obstacle)


def obstacle_from_json(value: Mapping[str, Any]) -> Obstacle:
    return Obstacle(**value)
