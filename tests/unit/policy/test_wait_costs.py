"""What other policies would have paid for a wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesura.policy.ledger import would_have_cost


@pytest.mark.parametrize(
    ("wait_s", "mean_s", "never", "always", "fixed", "break_even", "mean", "clairvoyant"),
    [
        (5.0, None, 5, 10, 5, 5, 5, 5),
        (30.0, None, 30, 10, 30, 20, 20, 10),
        (30.0, 25.0, 30, 10, 30, 20, 10, 10),
        (30.0, 2.0, 30, 10, 30, 20, 30, 10),
        (600.0, 2.0, 600, 10, 70, 20, 50, 10),
    ],
)
def test_a_wait_in_a_session_that_costs_ten_seconds_to_move(
    wait_s: float,
    mean_s: float | None,
    never: float,
    always: float,
    fixed: float,
    break_even: float,
    mean: float,
    clairvoyant: float,
) -> None:
    paid = would_have_cost(wait_s, 10.0, mean_s)
    found = (paid.never, paid.always, paid.fixed, paid.break_even, paid.mean, paid.clairvoyant)
    assert found == (never, always, fixed, break_even, mean, clairvoyant)


seconds = st.floats(0.0, 1e6)


@given(seconds, seconds, st.none() | seconds)
def test_nobody_beats_a_clairvoyant_and_break_even_pays_at_most_twice(
    wait_s: float, move_s: float, mean_s: float | None
) -> None:
    paid = would_have_cost(wait_s, move_s, mean_s)
    assert paid.clairvoyant <= min(paid.never, paid.always, paid.fixed, paid.break_even, paid.mean)
    assert paid.break_even <= 2 * paid.clairvoyant + 1e-9
