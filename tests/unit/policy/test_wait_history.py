"""What past calls say about the next one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesura.policy import History
from caesura.policy.history import KEPT_KEYS

durations = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=300)


def history_of(*durations_s: float, key: str = "f", kind: str = "function") -> History:
    history = History()
    for duration_s in durations_s:
        history.add(key, kind, duration_s)
    return history


def test_nothing_is_known_before_the_first_call() -> None:
    prediction = History().predict("f", "function")
    assert (prediction.mean, prediction.p50, prediction.count, prediction.basis) == (None, None, 0, "none")


def test_a_call_that_was_never_made_borrows_from_its_kind() -> None:
    prediction = history_of(2.0, 4.0, key="g").predict("f", "function")
    assert prediction.basis == "kind"
    assert prediction.mean == pytest.approx(3.0, rel=0.02)
    assert history_of(2.0, key="g").predict("f", "event").basis == "none"


def test_two_calls_are_enough_to_know_a_steady_one_within_a_fifth() -> None:
    prediction = history_of(2.8, 3.2).predict("f", "function")
    assert prediction.mean == pytest.approx(3.0, rel=0.2)
    assert (prediction.count, prediction.basis) == (2, "key")


def test_the_mean_is_the_plain_weighted_mean() -> None:
    weights = [2 ** (-age / 40) for age in (2, 1, 0)]
    expected = (1 * weights[0] + 2 * weights[1] + 6 * weights[2]) / sum(weights)
    assert history_of(1, 2, 6).predict("f", "function").mean == pytest.approx(expected)


def test_a_call_that_became_slow_is_believed_within_forty_calls() -> None:
    history = history_of(*[1.0] * 240, *[100.0] * 40)
    prediction = history.predict("f", "function")
    assert prediction.mean is not None
    assert prediction.mean > 50
    assert prediction.p90 == 100


def test_only_the_last_240_calls_are_remembered() -> None:
    history = history_of(*[1000.0] * 100, *[1.0] * 240)
    assert history.predict("f", "function").mean == pytest.approx(1.0)
    assert history.predict("f", "function").count == 240


def test_the_band_is_about_the_calls_that_took_longer_than_this_one_has() -> None:
    history = history_of(*[1.0] * 9, 600.0)
    assert history.predict("f", "function").p50 == 1.0
    assert history.predict("f", "function", elapsed_s=2.0).p10 == 600.0
    assert history.predict("f", "function", elapsed_s=700.0).p90 == 700.0


def test_a_wait_that_was_cut_off_counts_as_at_least_as_long_as_the_longer_ones() -> None:
    history = history_of(10.0, 10.0)
    history.add("f", "function", 1.0, censored=True)
    assert history.predict("f", "function").mean == pytest.approx(10.0)


def test_a_wait_that_was_cut_off_last_of_all_counts_with_what_it_lasted() -> None:
    history = history_of(1.0)
    history.add("f", "function", 50.0, censored=True)
    prediction = history.predict("f", "function")
    assert prediction.mean == pytest.approx(25.5, rel=0.02)


@pytest.mark.parametrize("duration_s", [-1.0, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused(duration_s: float) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        History().add("f", "function", duration_s)


@given(durations)
def test_predictions_lie_between_the_shortest_and_the_longest_and_are_in_order(samples: list[float]) -> None:
    prediction = history_of(*samples).predict("f", "function", elapsed_s=-1.0)
    recent = samples[-240:]
    assert prediction.p10 is not None
    assert prediction.p50 is not None
    assert prediction.p90 is not None
    assert prediction.mean is not None
    assert min(recent) <= prediction.p10 <= prediction.p50 <= prediction.p90 <= max(recent)
    rounding_s = 1e-9 * max(recent) + 1e-12
    assert min(recent) - rounding_s <= prediction.mean <= max(recent) + rounding_s


@given(durations, st.lists(st.booleans(), min_size=300, max_size=300))
def test_taking_waits_as_cut_off_never_shortens_the_prediction(samples: list[float], cut: list[bool]) -> None:
    plain, censored = History(), History()
    for duration_s, is_cut in zip(samples, cut, strict=False):
        plain.add("f", "function", duration_s)
        censored.add("f", "function", duration_s, is_cut)
    lower = plain.predict("f", "function").mean
    upper = censored.predict("f", "function").mean
    assert lower is not None
    assert upper is not None
    assert upper >= lower * (1 - 1e-9)


def test_what_the_records_hold_can_be_loaded() -> None:
    history = History()
    history.load([("f", "function", 1.0, False), ("f", "function", 3.0, False), ("g", "event", 9.0, False)])
    assert history.predict("f", "function").mean == pytest.approx(2.0, rel=0.02)
    assert history.predict("g", "event").mean == 9.0


def test_the_calls_that_were_not_made_for_longest_are_forgotten_when_there_are_too_many() -> None:
    history = history_of(1.0, key="old")
    history.add("kept", "function", 2.0)
    for number in range(KEPT_KEYS - 1):
        history.add(f"event:{number}", "event", 3.0)
        history.add("kept", "function", 2.0)
    assert history.mean("old") is None
    assert history.mean("kept") is not None
    assert history.mean("event:1") is not None
