"""What a worker is told when it takes a session up."""

from __future__ import annotations

from typing import Any

import pytest

from caesura.coordinator.attaching import attach_message
from caesura.coordinator.limits import Limits
from caesura.coordinator.state import Kind, Session, Worker
from caesura.policy import parse


def environment_told(said: str | None, hidden_names: str | None) -> dict[str, Any]:
    env = {} if said is None else {"CAESURA_RECORD_VARIABLES": said}
    session = Session("s", Kind.NOTEBOOK, {"env": env}, "k", parse("auto"), 0.0)
    limits = Limits(workers=1, policy=parse("auto"), hidden_names=hidden_names)
    return dict(attach_message(session, Worker("w", "s", "k", 0.0), None, limits).environment)


def test_a_worker_is_told_which_names_hide_a_value() -> None:
    assert environment_told(None, "token")["hidden_names"] == "token"
    assert environment_told("on", "token")["hidden_names"] == "token"


@pytest.mark.parametrize(("said", "hidden_names"), [("off", "token"), ("0", "token"), (None, None), ("on", None)])
def test_no_variables_are_recorded_if_the_coordinator_or_the_notebook_does_not_want_it(
    said: str | None, hidden_names: str | None
) -> None:
    assert "hidden_names" not in environment_told(said, hidden_names)
