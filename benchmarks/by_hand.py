"""The move as it is done by hand: ``dill.dump_module`` in one plain kernel, then ``dill.load_module`` in another."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kernels import Bench, progress
from latency import moves

MS = 1000

SESSIONS = {
    "small session": ("pass", "state = list(range(100))"),
    "arrays": (
        "import numpy",
        "arrays = [numpy.random.default_rng(n).random(1_250_000) for n in range({megabytes} // 10)]",
    ),
    "objects": ("pass", "objects = [(n, str(n)) for n in range(1000 * {thousands})]"),
}
"""What runs first, and what makes the data anew before each move."""


@dataclass(frozen=True)
class Moved:
    """Medians in milliseconds: leaving one process, going on in another; by Caesura and by hand."""

    session: str
    suspend_ms: float
    resume_ms: float
    dump_ms: float
    restart_ms: float


def compare(name: str, megabytes: int, thousands: int, rounds: int) -> Moved:
    setup, make = (text.format(megabytes=megabytes, thousands=thousands) for text in SESSIONS[name])
    suspend, resume = moves(name, setup, make, rounds)
    dumps, restarts = [], []
    with tempfile.TemporaryDirectory(prefix="caesura-by-hand-") as folder, progress(rounds, f"by hand, {name}") as done:
        path = str(Path(folder) / "session.pkl")
        for count in range(rounds):
            with Bench() as bench:
                before = bench.plain()
                before.ready()
                before.run(f"import dill\n{setup}")
                before.run(make)
                dump = before.run(f"dill.dump_module({path!r})")
                before.close()
                after = bench.plain()
                after.ready()
                load = after.run(f"import dill; dill.load_module({path!r})")
                dumps.append(dump.idle_at - dump.sent_at)
                restarts.append(load.idle_at - after.started_at)
            done(count + 1)
    return Moved(
        name, suspend.caesura_ms, resume.caesura_ms, statistics.median(dumps) * MS, statistics.median(restarts) * MS
    )
