"""Numbers for Prometheus, beside those of Jupyter Server under ``/metrics``.

What lives here: names and meanings. A scrape reads what the coordinator has told already: it asks nothing, starts
nothing and waits for nothing. While no coordinator runs, what is counted now is 0; what was counted so far stays.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from caesura.clock import wall
from caesura_server.happenings import AWAY, ENDED, Happening, Picture, What

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_STATES: Final = ("queued", "running", "held", "waiting")


class Durations:
    """Counted into classes."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self._sum_s += seconds

    def metric(self, name: str, text: str) -> HistogramMetricFamily:
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        buckets = list(zip(bounds, map(float, accumulate(self._counts)), strict=True))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self._sum_s)


class Metrics(Collector):
    """``picture`` is what the coordinator has told."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._suspensions = self._resumptions = 0
        self._saves, self._loads = Durations(), Durations()

    def tell(self, happening: Happening) -> None:
        """Count what happened to a cell."""
        if happening.what is What.SUSPENDED:
            self._suspensions += 1
            self._saves.add(happening.cell["save_s"])
        elif happening.what is What.RESUMED:
            self._resumptions += 1
            self._loads.add(happening.cell["load_s"])

    def describe(self) -> Iterable[Metric]:
        """The names, for the registry."""
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        """All numbers as they are now."""
        picture = self._picture
        is_connected = picture.is_connected
        active = [cell for cell in picture.cells.values() if is_connected and cell["state"] not in ENDED]
        busy = {cell["session_id"] for cell in active}
        workers = list(picture.workers.values()) if is_connected else []
        parked = [
            each["session_id"]
            for each in picture.sessions.values()
            if is_connected and each["is_away"] and each["kind"] == "notebook" and each["session_id"] not in busy
        ]
        yield GaugeMetricFamily("caesura_coordinator_up", "Whether the coordinator runs (1) or not (0)", is_connected)
        pool = picture.coordinator.get("workers", 0) if is_connected else 0
        yield GaugeMetricFamily("caesura_pool_workers", "Workers that the pool keeps for notebooks", pool)
        yield GaugeMetricFamily("caesura_workers", "Worker processes", len(workers))
        yield GaugeMetricFamily(
            "caesura_workers_busy",
            "Worker processes whose session has a cell that is not over",
            sum(worker["session_id"] in busy for worker in workers),
        )
        cells = GaugeMetricFamily(
            "caesura_cells",
            "Cells that are not over: queued, running, held (waiting in a process), waiting (suspended)",
            labels=["state"],
        )
        states = [_state(cell["state"]) for cell in active]
        for state in _STATES:
            cells.add_metric([state], states.count(state))
        yield cells
        yield GaugeMetricFamily("caesura_parked_notebooks", "Open notebooks without a process and a cell", len(parked))
        store = picture.store_bytes if is_connected else 0
        yield GaugeMetricFamily("caesura_store_bytes", "What snapshots take on the disk", store)
        yield CounterMetricFamily("caesura_suspensions", "Cells that left their process", self._suspensions)
        yield CounterMetricFamily("caesura_resumptions", "Cells that went on in another process", self._resumptions)
        saved_s = picture.worker_seconds_saved(wall())
        yield CounterMetricFamily("caesura_worker_seconds_saved", "Seconds of sessions without a process", saved_s)
        yield self._saves.metric("caesura_suspend_seconds", "How long it took to save a cell")
        yield self._loads.metric("caesura_resume_seconds", "How long it took to load a cell")


def _state(state: str) -> str:
    if state in AWAY:
        return "waiting"
    return state if state in ("queued", "held") else "running"
