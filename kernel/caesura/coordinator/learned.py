"""What clients ask about what was learned: how long calls take, and what letting go has saved.

What lives here: the requests. What must not: the history and the ledger themselves.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from caesura.coordinator.session_requests import Answer, Refuse
from caesura.errors import UsageError
from caesura.store.records import Records
from caesura.wire.messages import Json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_SHOWN: Final = 40  # of the last calls
_DAY_S: Final = 86_400.0


class Learned:
    """Each method ``do_NAME`` gets the parameters of a request, and answers it or raises UsageError."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def do_call_history(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """What is known about each kind of call whose key is, or contains, ``key``; the latest call first."""
        keys = self._named(str(params.get("key") or ""))

        def then(decided: dict[str, dict[str, int]]) -> None:
            answer([{**self._described(key), "decisions": decided.get(key, {})} for key in keys])

        self._core.persist(Records.decided, then)

    def do_forget_history(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """Forget the calls of one key, or with an empty one all of them."""
        key = str(params.get("key") or "")
        if key and key not in self._core.history.keys():  # noqa: SIM118  it is no dict
            raise UsageError(f"There is no history of {key!r}. `caesura history` lists what there is.")
        self._core.history.forget(key or None)
        self._core.persist(
            lambda records: records.forget_waits(key or None), lambda count: answer({"forgotten": count}), durable=True
        )

    def do_savings(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """What waits cost and would have cost, by day and kind of call, over the last ``days`` (0: all)."""
        days = float(params.get("days") or 0)
        since = self._core.now - days * _DAY_S if days else 0.0

        def read(records: Records) -> list[dict[str, Any]]:
            return [dataclasses.asdict(row) for row in records.savings(since)]

        self._core.persist(read, answer)

    def _named(self, key: str) -> list[str]:
        keys = list(self._core.history.keys())
        if key in keys:
            return [key]
        found = [known for known in keys if key in known]
        if key and not found:
            raise UsageError(f"There is no history of {key!r}. `caesura history` lists what there is.")
        return found

    def _described(self, key: str) -> Json:
        history = self._core.history
        recent = history.recent(key)
        prediction = history.predict(key, "", -1.0)
        return {
            "key": key,
            "count": len(recent),
            "cut_off": sum(is_cut_off for _, is_cut_off in recent),
            "mean_s": prediction.mean,
            "p10_s": prediction.p10,
            "p50_s": prediction.p50,
            "p90_s": prediction.p90,
            "last_s": [duration_s for duration_s, _ in recent[-_SHOWN:]],
        }
