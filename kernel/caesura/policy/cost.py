"""What moving a session costs, measured.

What lives here: the estimate of seconds to save and to load. What must not: the decision, I/O, clocks.

Model: a fixed part and a part per byte, ``fixed_s + size_bytes / bytes_per_s``, for saving and for loading. Each
measured move pulls the part that dominated it towards what was seen (weight 0.3 a move), starting from a prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_WEIGHT: Final = 0.3
_MIN_SECONDS: Final = 1e-4
_MIN_RATE: Final = 1e5


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that one move costs: to save, to load, and to wait for a worker when the answer has come."""

    save_s: float
    load_s: float
    queue_s: float = 0.0

    @property
    def total_s(self) -> float:
        return self.save_s + self.load_s + self.queue_s


class _Direction:
    __slots__ = ("_fixed_s", "_measured_large", "_measured_small", "_rate")

    def __init__(self, fixed_s: float, bytes_per_s: float) -> None:
        self._fixed_s = fixed_s
        self._rate = bytes_per_s
        self._measured_small = False
        self._measured_large = False

    def seconds(self, size_bytes: int) -> float:
        return self._fixed_s + size_bytes / self._rate

    def observe(self, size_bytes: int, seconds: float) -> None:
        seconds = max(seconds, _MIN_SECONDS)
        if size_bytes / self._rate > self._fixed_s:
            # A measurement shorter than the fixed part says that the fixed part is too high, not that bytes are free.
            self._fixed_s = min(self._fixed_s, seconds / 2)
            rate = max(size_bytes / (seconds - self._fixed_s), _MIN_RATE)
            # Averaged as seconds per byte: the cost is linear in that, not in the rate.
            weight = _WEIGHT if self._measured_large else 1.0
            self._rate = 1 / ((1 - weight) / self._rate + weight / rate)
            self._measured_large = True
        else:
            fixed_s = max(seconds - size_bytes / self._rate, _MIN_SECONDS)
            weight = _WEIGHT if self._measured_small else 1.0
            self._fixed_s += weight * (fixed_s - self._fixed_s)
            self._measured_small = True


class CostModel:
    """The measured cost of moving one session. The prior: 50 ms and 200 MB/s to save, 150 ms and 1 GB/s to load."""

    def __init__(self) -> None:
        self._save = _Direction(0.05, 200e6)
        self._load = _Direction(0.15, 1e9)

    def observe_save(self, size_bytes: int, seconds: float) -> None:
        """A snapshot of ``size_bytes`` took ``seconds`` to save."""
        self._save.observe(size_bytes, seconds)

    def observe_load(self, size_bytes: int, seconds: float) -> None:
        """A snapshot of ``size_bytes`` took ``seconds`` to load."""
        self._load.observe(size_bytes, seconds)

    def cost(self, size_bytes: int, queue_s: float = 0.0) -> Cost:
        """The expected cost of moving ``size_bytes``, with an expected ``queue_s`` for a worker at the resume."""
        return Cost(self._save.seconds(size_bytes), self._load.seconds(size_bytes), queue_s)
