"""What ``CAESURA_POLICY`` may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesura.errors import UsageError
from caesura.policy import Policy, parse


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("always", Policy("always")),
        ("never", Policy("never")),
        ("auto", Policy("auto")),
        ("fixed:60", Policy("fixed", 60.0)),
        ("mean:0.25", Policy("mean", 0.25)),
        ("mean:0", Policy("mean", 0.0)),
        ("fixed:1e3", Policy("fixed", 1000.0)),
        ("  Mean : 1 ", Policy("mean", 1.0)),
    ],
)
def test_what_is_allowed_is_read(text: str, policy: Policy) -> None:
    assert parse(text) == policy


@pytest.mark.parametrize(
    "text",
    ["", "sometimes", "mean", "mean:", "mean:soon", "mean:-1", "fixed:nan", "fixed:inf", "always:1", "auto:", "1"],
)
def test_anything_else_is_refused_with_what_was_given_and_what_is_allowed(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert repr(text) in str(caught.value)
    for word in ("always", "never", "auto", "fixed:SECONDS", "mean:SECONDS"):
        assert word in str(caught.value)


@given(st.sampled_from(["fixed", "mean"]), st.integers(0, 10**5))
def test_the_text_of_a_policy_reads_back_as_the_policy(name: str, seconds: int) -> None:
    policy = parse(f"{name}:{seconds}")
    assert parse(str(policy)) == policy
