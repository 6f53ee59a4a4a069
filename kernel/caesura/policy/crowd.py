"""Many cells on a few workers, with a queue: what a policy does to throughput and delay.

What lives here: a simulation by events of cells that compute, wait and compute again. What must not: the rule, which is
that of ``decision.py``; tables and drawing (``caesura.cli.simulate``).

A cell that is let go occupies its worker while it is saved, and one that comes back while it is loaded. Who comes back
goes before who is new. Under ``auto`` a queue that changes has all held cells judged again, the one with the longest
expected rest first.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from caesura.model import CallKind, Wait
from caesura.policy.cost import Cost
from caesura.policy.decision import decide
from caesura.policy.hazard import Demand
from caesura.policy.history import History
from caesura.policy.setting import Policy
from caesura.policy.simulate import START


@dataclass(frozen=True, slots=True)
class Arrival:
    """A cell: it arrives at ``at`` (seconds from the beginning), computes, waits for a call of ``key``, computes."""

    at: float
    key: str
    duration_s: float
    compute_s: float
    cost: Cost


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it: per cell the mean delay that moving and queueing added after its answer and the mean wait for
    a first worker, the share of the workers' time that was occupied, and the cells that ended per hour."""

    cells: int
    moved: int
    added_s: float
    queued_s: float
    occupied: float
    cells_per_hour: float
    ended_s: float


@dataclass(slots=True)
class _Cell:
    arrival: Arrival
    blocked_at: float = 0.0
    answer_at: float = math.inf
    is_held: bool = False
    is_saved: bool = False
    is_answered: bool = False
    look: int = 0  # which look at it counts
    rest_s: float = 0.0


class _Crowd:
    def __init__(self, policy: Policy, workers: int, history: History, progress: Callable[[], object]) -> None:
        self.policy = policy
        self.workers = workers
        self.history = history
        self.progress = progress
        self.free = workers
        self.now = 0.0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.back: deque[_Cell] = deque()
        self.new: deque[_Cell] = deque()
        self.held: set[int] = set()
        self.cells: dict[int, _Cell] = {}
        self.moved = self.ended = 0
        self.added_s = self.queued_s = self.occupied_s = 0.0
        self.since = 0.0

    def at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.events, (moment, next(self.order), act))

    def run(self, arrivals: Sequence[Arrival]) -> Load:
        for arrival in arrivals:
            self.at(arrival.at, partial(self.arrives, _Cell(arrival)))
        while self.events:
            moment, _, act = heapq.heappop(self.events)
            if self.ended == len(arrivals):
                break
            self.occupied_s += (self.workers - self.free) * (moment - self.since)
            self.now = self.since = moment
            act()
        span_s = max(self.now, 1e-9)
        count = max(1, len(arrivals))
        return Load(
            len(arrivals),
            self.moved,
            self.added_s / count,
            self.queued_s / count,
            self.occupied_s / (self.workers * span_s),
            3600 * self.ended / span_s,
            span_s,
        )

    # --- workers ----------------------------------------------------------------------------------------------------

    def arrives(self, cell: _Cell) -> None:
        self.new.append(cell)
        self.serve()

    def serve(self) -> None:
        while self.free and (self.back or self.new):
            self.free -= 1
            if self.back:
                self.loads(self.back.popleft())
            else:
                cell = self.new.popleft()
                self.queued_s += self.now - cell.arrival.at
                self.at(self.now + cell.arrival.compute_s, partial(self.blocks, cell))
        if self.policy.name == "auto" and (self.back or self.new):
            self.look_at_held()

    def frees(self) -> None:
        self.free += 1
        self.serve()

    # --- a cell -----------------------------------------------------------------------------------------------------

    def blocks(self, cell: _Cell) -> None:
        cell.blocked_at, cell.is_held = self.now, True
        cell.answer_at = self.now + cell.arrival.duration_s
        self.cells[id(cell)] = cell
        self.held.add(id(cell))
        self.at(cell.answer_at, lambda: self.answers(cell))
        self.decides(cell, len(self.back) + len(self.new))

    def decides(self, cell: _Cell, queued: int) -> bool:
        """Whether the cell is let go."""
        arrival, elapsed_s = cell.arrival, self.now - cell.blocked_at
        wait = Wait("o", CallKind.FUNCTION, arrival.key, arrival.key, START + cell.blocked_at)
        demand = Demand(queued, self.workers)
        decision = decide(self.policy, (wait,), START + self.now, self.history, arrival.cost, elapsed_s, demand=demand)
        cell.look += 1
        cell.rest_s = decision.rest_s or 0.0
        if decision.action == "suspend":
            cell.is_held = False
            self.held.discard(id(cell))
            self.moved += 1
            self.at(self.now + arrival.cost.save_s, lambda: self.is_saved(cell))
            return True
        if decision.at is not None:
            look = cell.look
            self.at(decision.at - START + 1e-6, lambda: self.looks_again(cell, look))
        return False

    def looks_again(self, cell: _Cell, look: int) -> None:
        if cell.is_held and cell.look == look:
            self.decides(cell, len(self.back) + len(self.new))

    def look_at_held(self) -> None:
        queued = len(self.back) + len(self.new)
        for name in sorted(self.held, key=lambda name: -self.cells[name].rest_s):
            if queued <= 0:
                return
            queued -= self.decides(self.cells[name], queued)

    def is_saved(self, cell: _Cell) -> None:
        cell.is_saved = True
        if cell.is_answered:
            self.back.append(cell)
        self.frees()

    def answers(self, cell: _Cell) -> None:
        cell.is_answered = True
        self.cells.pop(id(cell), None)
        self.history.add(cell.arrival.key, "function", cell.arrival.duration_s)
        if cell.is_held:
            cell.is_held = False
            self.held.discard(id(cell))
            self.goes_on(cell)
        elif cell.is_saved:
            self.back.append(cell)
            self.serve()

    def loads(self, cell: _Cell) -> None:
        self.at(self.now + cell.arrival.cost.load_s, lambda: self.goes_on(cell))

    def goes_on(self, cell: _Cell) -> None:
        self.added_s += self.now - cell.answer_at
        self.at(self.now + cell.arrival.compute_s, self.ends)

    def ends(self) -> None:
        self.ended += 1
        self.progress()
        self.frees()


def crowd(
    policy: Policy,
    arrivals: Sequence[Arrival],
    workers: int,
    *,
    history: History | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Load:
    """All ``arrivals`` on ``workers`` under ``policy``; ``progress`` is called as each cell ends."""
    return _Crowd(policy, workers, History() if history is None else history, progress).run(arrivals)


def arrivals_at(
    load: float,
    durations: Sequence[float],
    workers: int,
    random: Random,
    *,
    cost: Cost,
    compute_s: float = 0.5,
    key: str = "function:f",
) -> Iterator[Arrival]:
    """Cells that come at random so often that, if none ever left its worker, ``load`` of the workers' time would be
    taken (above 1: more than they can do)."""
    mean_s = sum(durations) / len(durations) + 2 * compute_s
    at = 0.0
    for duration_s in durations:
        at += random.expovariate(load * workers / mean_s)
        yield Arrival(at, key, duration_s, compute_s, cost)
