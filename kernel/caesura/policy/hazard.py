"""How long to hold a cell: the moment at which letting go costs least.

What lives here: the search for the best moment, prices and their break-even. What must not: histories, settings, words.

Holding costs the worker's time, moving costs ``beta_s`` of it (the break-even wait). Given the rest of the wait, the
expected cost of holding for τ more seconds and moving then is

    J(τ) = ∫₀^τ S(u) du + β S(τ)

where S is the survival of the rest. It is least at 0, or just after one of the moments at which waits have ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from caesura.policy.cost import Cost
from caesura.policy.rest import Rest

CAP: Final = 4.0
"""No wait is held for longer than so many break-even waits: it may be endless."""

LEAST: Final = 0.3
"""Where the past misleads, no wait is let go sooner than after so many break-even waits: with the cap, no wait then
costs more than five times the optimum (:func:`caesura.policy.history.History.misleads`)."""

MARGIN: Final = 0.1
"""Waits of one mode end a little after the longest that was seen: hold by so much longer, as a share of it."""

IDLE_PRICE: Final = 0.002
"""The price of a worker that nobody else wants, as a share of that of one that is wanted: its memory."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Who else wants a worker: ``queued`` sessions that have none, and the ``workers`` of the pool."""

    queued: int = 0
    workers: int = 1

    @property
    def price(self) -> float:
        """The price of a worker's second, relative to one of the user's: how many wait for each worker."""
        return max(IDLE_PRICE, self.queued / max(1, self.workers))


BUSY: Final = Demand(1, 1)
"""One session waits for each worker."""


def break_even_s(cost: Cost, demand: Demand) -> float:
    """The wait from which on moving is worth it: save + load + the delay that a resume adds, at the worker's price."""
    return cost.save_s + cost.load_s + (cost.load_s + cost.queue_s) / demand.price


def best_hold_s(rest: Rest, beta_s: float, held_s: float) -> float:
    """For how many more seconds to hold a cell that has been held for ``held_s``; 0: let it go now."""
    until_s = CAP * beta_s - held_s
    least, best = beta_s, -1
    area, before, alive = 0.0, 0.0, 1.0
    seconds, survival = rest.seconds, rest.survival
    for index, moment in enumerate(seconds):
        area += alive * (moment - before)
        if moment > until_s or area >= least:  # it only grows
            break
        before, alive = moment, survival[index]
        cost = area + beta_s * alive
        if cost < least * (1 - 1e-9):
            least, best = cost, index
    if best < 0:
        return 0.0
    beyond_s = MARGIN * (seconds[best] + held_s)
    if best + 1 < len(seconds):
        beyond_s = min(beyond_s, (seconds[best + 1] - seconds[best]) / 2)
    return min(seconds[best] + beyond_s, until_s)
