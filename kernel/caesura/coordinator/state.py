"""What the coordinator knows, in memory: sessions, workers, cells, operations, moves.

What lives here: plain mutable records and questions that they answer about themselves. What must not: decisions,
commands. Everything that has to outlive the coordinator is in the records too; ``recovery.py`` builds this from them.
"""

from __future__ import annotations

import enum
import json
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from caesura.coordinator.commands import FrontPublish, FrontReply, FrontSend
from caesura.coordinator.requests import Request
from caesura.errors import InternalError
from caesura.model import Obstacle, Wait, Wake, next_due
from caesura.policy import CostModel, Decision, Policy
from caesura.wire.life import CellEvent, CellState, next_state
from caesura.wire.marks import mark_of
from caesura.wire.messages import Json, Message, ZygoteReady


class Kind(enum.StrEnum):
    """What a session is. A client is a program without a kernel that starts calls (``method="call"``)."""

    NOTEBOOK = "notebook"
    FUNCTION = "function"
    CLIENT = "client"


@dataclass(slots=True)
class Cell:
    """One cell, or the body of a function. ``request`` is None for a function and for a cell of the past."""

    cell_id: str
    session_id: str
    code: str
    created: float
    state: CellState = CellState.QUEUED
    since: float = 0.0
    started: float | None = None
    moves: int = 0
    resumes: int = 0  # how often it has gone on from a snapshot
    save_s: float = 0.0  # what its last save took, and its last load
    load_s: float = 0.0
    reason: str = ""
    waits: tuple[Wait, ...] = ()
    request: Request | None = None
    is_cancelled: bool = False
    is_written: bool = False  # its row holds more than what its worker's messages record by themselves
    snapshot_bytes: int = 0
    resumed_at: float | None = None  # when it last came back from a snapshot
    execution_count: int = 0
    status: str = ""
    error: str = ""
    by_hand: str = ""  # what the user has decided for it: "hold", "release" (once), "always" (release at each wait)

    def apply(self, event: CellEvent, now: float) -> None:
        """Go to the next state of the table; InternalError with the cell's id if there is none."""
        try:
            self.state = next_state(self.state, event)
        except InternalError as error:
            raise InternalError(f"cell {self.cell_id}: {error}") from None
        self.since = now


def by_hand_of(code: str) -> str:
    """What the code of a cell says about its waits, as :attr:`Cell.by_hand`."""
    return {"": "", "hold": "hold", "release": "always"}[mark_of(code)]


@dataclass(slots=True)
class Worker:
    """One process. ``leaving`` says why it is about to end, or is empty."""

    worker_id: str
    session_id: str
    key: str
    since: float
    pid: int = 0
    started: str = ""  # with the pid: which process it is
    epoch: int = 0
    is_connected: bool = False
    is_granted: bool = False
    is_attached: bool = False
    is_loaded: bool = False
    is_urgent: bool = False
    load_s: float = 0.0
    leaving: str = ""
    leaving_since: float = 0.0
    is_taken: bool = False  # it says that it has loaded the session, and that is being recorded
    is_allowed: bool = False  # that is recorded: it may run code of the user, and says so before it does
    is_interrupted: bool = False  # an interrupt was consumed for it, which it hears of when it may go on
    stream: bytes | None = field(default=None, repr=False)  # of the snapshot that it is to load, until it has
    is_stream_known: bool = False

    @property
    def state(self) -> str:
        """A word for ``caesura status``."""
        if self.leaving:
            return "leaving"
        if self.is_loaded:
            return "attached" if self.is_connected else "disconnected"
        return "loading" if self.is_attached else "starting"


@dataclass(frozen=True, slots=True)
class Block:
    """What the worker said when nothing could run."""

    serial: int
    cell_id: str
    waits: tuple[Wait, ...]
    obstacles: tuple[Obstacle, ...]
    wake: Wake
    since: float


class Phase(enum.StrEnum):
    FREEZING = "freezing"  # asked; the worker still may run
    FROZEN = "frozen"
    PREPARED = "prepared"  # on disk; the verdict is being recorded


@dataclass(slots=True)
class Move:
    """A session on its way out of its worker."""

    block: Block
    epoch: int
    is_abortable: bool
    since: float
    phase: Phase = Phase.FREEZING
    saved: Saved | None = None
    worker_is_dead: bool = False
    keeps: str = ""  # why the worker is kept though the session is saved; empty: it is to go


@dataclass(slots=True)
class Saved:
    """A snapshot. ``pending`` are the operations whose answers it needs; ``kept`` is its manifest, packed or not."""

    snapshot_id: str
    cell_id: str
    kept: Json | bytes
    wake: Wake
    waits: tuple[Wait, ...]
    pending: frozenset[str]
    size_bytes: int
    save_s: float
    created: float
    failures: int = 0
    chain: tuple[Json, ...] = ()  # its frames, without their variables

    @property
    def manifest(self) -> Json:
        """As it came from the worker."""
        return dict(json.loads(zlib.decompress(self.kept))) if isinstance(self.kept, bytes) else self.kept

    def pack(self) -> None:
        """Its session has no process now: keep the manifest in a tenth of the memory, for hours perhaps."""
        if not isinstance(self.kept, bytes):
            self.kept = zlib.compress(json.dumps(self.kept).encode(), 1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot of a session whose worker was kept, from which it goes on if the worker dies and no code has run."""

    saved: Saved
    block: Block
    epoch: int


@dataclass(slots=True)
class OpenWait:
    """A wait of a cell that is not over, for the ledger. Without ``released_at`` it has kept its worker so far."""

    cell_id: str
    since: float
    about: Wait | None = None
    held_s: float = 0.0
    save_s: float = 0.0
    memory_bytes: int = 0
    released_at: float | None = None
    ended_at: float | None = None
    due: float | None = None  # it comes back ahead of this end
    is_due_known: bool = True  # or only foreseen
    back_at: float | None = None  # since when it waits for that in a worker again
    load_s: float = 0.0
    freed_s: float = 0.0
    first: Decision | None = None
    last: Decision | None = None


@dataclass(slots=True)
class Operation:
    """Something that a session waits for. ``is_sent`` once the worker that acts for the session has the answer."""

    op_id: str
    session_id: str
    cell_id: str
    kind: str
    key: str
    label: str
    created: float
    options: Json = field(default_factory=dict)
    parent: Json = field(default_factory=dict)
    request: bytes = b""
    due: float | None = None
    ok: bool | None = None
    result: bytes = b""
    text: str = ""
    uncertain: bool = False
    answered_at: float = 0.0
    is_recorded: bool = False
    is_sent: bool = False
    is_cancelled: bool = False
    attempts: int = 0

    @property
    def is_answered(self) -> bool:
        return self.ok is not None

    @property
    def is_pending(self) -> bool:
        return self.ok is None and not self.is_cancelled


@dataclass(slots=True)
class Inbound:
    """A message of a worker that waits for its turn: one that is numbered waits until it is recorded."""

    message: Message
    is_ready: bool
    output: int = 0  # its place among the outputs of the front that it goes to


@dataclass(slots=True)
class Session:
    """A notebook, a function or a client."""

    session_id: str
    kind: Kind
    environment: Json
    key: str
    policy: Policy
    created: float
    name: str = ""
    connection: Json = field(default_factory=dict)
    parent_op: str = ""
    epoch: int = 0
    next_number: int = 1
    link: int | None = None  # of the stub, the provisioner, or the client
    token: str = ""  # which of its provisioner's kernels it is; empty: its link stands for it alone
    is_announced: bool = True  # whether its provisioner knows its ports
    is_front_live: bool = False
    is_detached: bool = False
    is_ended: bool = False
    is_restarting: bool = False
    server: tuple[int, str] | None = None  # the Jupyter Server that has it open: pid, and when it started
    is_leaving: bool = False  # that server is about to stop
    is_lost: bool = False  # its stub is gone, and it is looked whether the server is
    kept_since: float | None = None  # nobody has it open any more
    is_back: bool = False  # it was opened again and its clients have not been told how it is
    is_settling: bool = False  # its worker came back after our restart and has not said yet what it does
    worker: Worker | None = None
    move: Move | None = None
    block: Block | None = None
    wait: OpenWait | None = None
    saved: Saved | None = None  # it lives in this snapshot
    last_saved: Saved | None = None  # to offer after a failure
    kept: Kept | None = None  # if its worker dies before any code runs in it, it goes on from here
    kept_block: tuple[int, int] = (0, 0)  # epoch, serial of the last block that was saved though it is held
    is_due: bool = False
    queue: deque[Request] = field(default_factory=deque)
    beside: deque[Request] = field(default_factory=deque)  # messages to comms, which overtake the queue
    current: Request | None = None
    cell: Cell | None = None
    cells: dict[str, Cell] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)  # recorded and not yet taken up: interrupt, cancel
    operations: dict[str, Operation] = field(default_factory=dict)
    cost: CostModel = field(default_factory=CostModel)
    resume_s: float = 0.3  # from asking for a worker until the session is in it, as measured lately
    size_bytes: int = 0  # of its last snapshot, or what is thought before the first
    inbox: deque[Inbound] = field(default_factory=deque)
    kept_bytes: int = 0  # of the outputs that are kept until they are confirmed
    sent_place: int = 0  # of the last output that was sent and is still recorded; 0: none
    marked_place: int = 0  # up to here the records say that all was sent
    kernel_info: list[Request] = field(default_factory=list)
    unsaid: list[FrontPublish | FrontReply | FrontSend] = field(default_factory=list)  # until the front is there
    notice: str = ""
    active_since: float = 0.0
    last_used: float = 0.0
    wants_since: float | None = None
    start_failures: int = 0
    park_after_s: float | None = None
    is_park_timer_set: bool = False
    parks_refused: tuple[int, int] = (0, 0)  # epoch, serial of the block between cells that could not be saved
    refused: tuple[int, int] = (0, 0)  # epoch, serial of the last block that could not be saved, tried so many times
    refusals: int = 0
    decided: Decision | None = field(default=None, repr=False)  # what was decided last
    last_decision: tuple[int, int, str] = (0, 0, "")  # epoch, serial of the block, action
    unmovable: tuple[Json, ...] = ()  # variables that would hold it, as its worker found out between cells
    unmovable_waiting: int = 0  # variables that it has not looked at
    after_drain: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        """Whether a worker holds the session and can be spoken to."""
        worker = self.worker
        return worker is not None and worker.is_loaded and worker.is_connected and not worker.leaving

    @property
    def is_idle(self) -> bool:
        """Whether a worker holds it for nothing."""
        return self.is_live and self.current is None and self.cell is None and not self.queue

    @property
    def is_idle_without_link(self) -> bool:
        """As :attr:`is_idle`, when the worker cannot be spoken to any more."""
        has_worker = self.worker is not None and self.worker.is_loaded
        is_free = self.current is None and self.cell is None and self.move is None
        return self.kind is Kind.NOTEBOOK and has_worker and is_free

    @property
    def is_kept(self) -> bool:
        """Whether it waits for its notebook to be opened again."""
        return self.kept_since is not None

    @property
    def has_timer(self) -> bool:
        """Whether time alone brings it back from its snapshot."""
        return self.saved is not None and next_due(self.saved.wake, self.answers()) is not None

    @property
    def state(self) -> str:
        """A word for ``caesura status``."""
        if self.is_ended:
            return "ended"
        if self.move is not None:
            return "moving"
        if self.saved is not None and self.worker is None:
            return "due" if self.is_due else "suspended"
        if self.worker is not None and not self.worker.is_loaded:
            return "starting"
        if self.worker is not None:
            return "idle" if self.is_idle else "running"
        return "new" if self.epoch == 0 else "without worker"

    def answers(self) -> dict[str, bool]:
        """The answers that have come, for :func:`caesura.model.is_satisfied`."""
        return {op.op_id: op.ok for op in self.operations.values() if op.ok is not None}


@dataclass(slots=True)
class Environment:
    """An interpreter with its variables: who is ready to fork, or why not."""

    key: str
    environment: Json
    ready: ZygoteReady | None = None
    error: str = ""
    is_asked: bool = False
