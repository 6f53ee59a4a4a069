"""When a waiting cell leaves its worker: pure functions of values, useful alone.

- :func:`parse`: ``CAESURA_POLICY`` → :class:`Policy`
- :class:`History`: durations of past calls → :class:`Prediction`
- :class:`CostModel`: measured moves → :class:`Cost`
- :func:`decide`: all of these and what a cell waits for → :class:`Decision`
"""

from caesura.policy.cost import Cost, CostModel
from caesura.policy.decision import Decision, decide, threshold_of
from caesura.policy.hazard import BUSY, Demand, break_even_s
from caesura.policy.history import UNKNOWN, History, Prediction, sized_key
from caesura.policy.precaution import reason_of_save, save_after_s
from caesura.policy.setting import Policy, parse

__all__ = [
    "BUSY",
    "UNKNOWN",
    "Cost",
    "CostModel",
    "Decision",
    "Demand",
    "History",
    "Policy",
    "Prediction",
    "break_even_s",
    "decide",
    "parse",
    "reason_of_save",
    "save_after_s",
    "sized_key",
    "threshold_of",
]
