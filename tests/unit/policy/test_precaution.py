"""When a held cell is saved in case its process dies."""

from __future__ import annotations

import pytest

from caesura.policy import Cost, reason_of_save, save_after_s


@pytest.mark.parametrize(("save_s", "after_s"), [(0.01, 5.0), (0.25, 5.0), (2.0, 40.0)])
def test_a_save_takes_at_most_a_twentieth_of_the_wait_and_short_waits_are_left_alone(
    save_s: float, after_s: float
) -> None:
    assert save_after_s(Cost(save_s, 0.1)) == after_s


def test_a_wait_that_is_over_before_the_save_is_not_saved() -> None:
    assert save_after_s(Cost(2.0, 0.1), rest_s=1.0) is None
    assert save_after_s(Cost(2.0, 0.1), rest_s=3.0) == 40.0


def test_the_reason_says_what_was_compared() -> None:
    assert "has waited 40 s, and a save takes about 2 s" in reason_of_save(40.0, Cost(2.0, 0.1))
