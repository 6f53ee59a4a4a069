"""What the sessions of an environment import, so that its zygote can have it imported before.

What lives here: counting, and telling the zygote. What must not: whether an import is safe; the zygote judges that.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from caesura.coordinator.commands import TellZygote
from caesura.store.records import Records
from caesura.wire.messages import Preload

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_MOST: Final = 50


class Preloads:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._counts: dict[str, Counter[str]] = {}

    def used(self, key: str, names: Sequence[str]) -> None:
        """A session of the environment ``key`` was saved, and has imported ``names`` (top-level modules)."""
        if not self._core.limits.preload_bytes:
            return
        counts = self._counts.setdefault(key, Counter())
        is_news = any(name not in counts for name in names)
        counts.update(names)
        if is_news:
            most_used = self._most_used(key)
            self._core.persist(lambda records: records.set_mark(_mark(key), json.dumps(most_used)))
            self._tell(key)

    def zygote_is_up(self, key: str) -> None:
        """The zygote of an environment was started: it is told what was used before."""
        if not self._core.limits.preload_bytes:
            return

        def then(names: list[str]) -> None:
            counts = self._counts.setdefault(key, Counter())
            counts.update(name for name in names if name not in counts)
            if counts:
                self._tell(key)

        self._core.persist(lambda records: _recorded(records, key), then)

    def _tell(self, key: str) -> None:
        message = Preload(names=self._most_used(key), budget_bytes=self._core.limits.preload_bytes)
        self._core.put(TellZygote(key, message))

    def _most_used(self, key: str) -> list[str]:
        return [name for name, _ in self._counts[key].most_common(_MOST)]


def _mark(key: str) -> str:
    return f"imported in {key}"


def _recorded(records: Records, key: str) -> list[str]:
    found = records.mark(_mark(key))
    return [] if found is None else [str(name) for name in json.loads(found)]
