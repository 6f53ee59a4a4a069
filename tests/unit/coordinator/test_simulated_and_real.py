"""The coordinator, on a clock that is moved by hand and with scripted answers, decides as the simulator does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest
from world import World

from caesura.policy import BUSY, Cost, CostModel, parse
from caesura.policy.simulate import costing, replay
from caesura.policy.workloads import BETA_S, CHANGING, STATIONARY

MakeWorld = Callable[..., World]
WORKLOADS = {
    name: {**STATIONARY, **CHANGING}[name](Random(7), 30)
    for name in ("90 % 1 s, 10 % 600 s", "50 % 2 s, 50 % 120 s", "lognormal 5, sigma 2", "steady 30 s", "1 s to 100 s")
}


@dataclass
class FixedCost(CostModel):
    """A session that always costs the same to move."""

    fixed: Cost

    def observe_save(self, size_bytes: int, seconds: float) -> None:
        pass

    def observe_load(self, size_bytes: int, seconds: float) -> None:
        pass

    def cost(self, size_bytes: int, queue_s: float = 0.0) -> Cost:
        return self.fixed


def real(world: World, durations_s: list[float]) -> list[tuple[bool, float]]:
    """Whether each wait was let go, and for how long it had been held."""
    session = world.open()
    world.session(session).cost = FixedCost(costing(BETA_S))
    world.core.pool.demand = lambda: BUSY  # type: ignore[method-assign]
    found = []
    for duration_s in durations_s:
        begun = world.clock.wall()
        cell = world.run(session, "wait")
        world.pass_time(duration_s)
        moves = world.session(session).cells[cell].moves
        world.send()
        world.settle()
        found.append((moves == 1, world.records.moves(cell_id=cell)[0].suspended_at - begun if moves else duration_s))
    return found


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_wait_is_held_and_let_go_as_in_the_simulation(make_world: MakeWorld, name: str) -> None:
    durations_s = list(WORKLOADS[name])
    simulated = replay(parse("auto"), durations_s, cost=costing(BETA_S), key="event:go")
    for number, ((is_moved, held_s), outcome) in enumerate(
        zip(real(make_world(policy="auto"), durations_s), simulated.outcomes, strict=True)
    ):
        assert (is_moved, held_s) == (outcome.is_moved, pytest.approx(outcome.held_s, abs=1e-3)), (number, outcome)
