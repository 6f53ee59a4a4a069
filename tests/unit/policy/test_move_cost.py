"""What moving costs, learnt from moves."""

from __future__ import annotations

import pytest

from caesura.policy import Cost, CostModel

MB = 1 << 20


def test_the_total_is_saving_loading_and_queueing() -> None:
    assert Cost(1.0, 2.0, 0.5).total_s == 3.5


def test_before_the_first_move_a_small_session_is_taken_to_move_in_a_fifth_of_a_second() -> None:
    assert CostModel().cost(20_000).total_s == pytest.approx(0.2, abs=0.01)


def test_a_larger_session_costs_more() -> None:
    model = CostModel()
    assert model.cost(300 * MB).save_s > 10 * model.cost(1 * MB).save_s


@pytest.mark.parametrize("size_bytes", [20_000, 3 * MB, 300 * MB, 8 << 30])
@pytest.mark.parametrize("seconds", [0.01, 0.4, 5.0])
def test_the_first_measurement_is_believed_within_a_quarter(size_bytes: int, seconds: float) -> None:
    model = CostModel()
    for _ in range(3):
        model.observe_save(size_bytes, seconds)
        model.observe_load(size_bytes, seconds)
    assert model.cost(size_bytes).save_s == pytest.approx(seconds, rel=0.25)
    assert model.cost(size_bytes).load_s == pytest.approx(seconds, rel=0.25)


def test_small_and_large_moves_do_not_spoil_each_other() -> None:
    model = CostModel()
    for _ in range(20):
        model.observe_save(20_000, 0.03)
        model.observe_save(400 * MB, 1.0)
    assert model.cost(20_000).save_s == pytest.approx(0.03, rel=0.25)
    assert model.cost(400 * MB).save_s == pytest.approx(1.0, rel=0.25)


def test_one_slow_move_moves_the_estimate_by_less_than_half() -> None:
    model = CostModel()
    for _ in range(10):
        model.observe_load(20_000, 0.1)
    model.observe_load(20_000, 10.0)
    assert model.cost(20_000).load_s < 5


def test_a_measurement_of_nothing_does_no_harm() -> None:
    model = CostModel()
    model.observe_save(0, 0.0)
    model.observe_load(300 * MB, 0.0)
    assert 0 < model.cost(300 * MB).total_s < 60
