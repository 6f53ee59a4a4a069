"""The coordinator's settings: traitlets, from ``jupyter_caesura_config.py``, flags and a few variables.

What lives here: their names, defaults and limits. What must not: the settings of a notebook (``CAESURA_POLICY`` in its
environment is the session's own).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jupyter_core.paths import jupyter_config_path
from traitlets import CaselessStrEnum, Float, Integer, TraitError, Unicode
from traitlets.config import Application, Config, Configurable

from caesura.coordinator import machine
from caesura.coordinator.limits import Limits, StoreLimits, parse_seconds
from caesura.errors import UsageError
from caesura.policy import parse

VARIABLES: Final = {
    "CAESURA_WORKERS": "workers",
    "CAESURA_POLICY": "policy",
    "CAESURA_START_METHOD": "start_method",
    "CAESURA_IDLE_EXIT_S": "idle_exit_s",
    "CAESURA_LOG_LEVEL": "log_level",
    "CAESURA_STORE_QUOTA_MB": "store_quota_mb",
    "CAESURA_PRELOAD_MB": "preload_mb",
    "CAESURA_PARK_AFTER": "park_after",
    "CAESURA_OUTPUTS_QUOTA_MB": "outputs_quota_mb",
    "CAESURA_KEEP_SESSIONS_H": "keep_sessions_h",
    "CAESURA_ACTIVITY_S": "activity_s",
    "CAESURA_RECORD_VARIABLES": "record_variables",
    "CAESURA_HIDDEN_NAMES": "hidden_names",
}
"""Variable → name of the setting."""

_AMOUNTS: Final = {
    "idle_exit_s": "seconds",
    "burst_after_s": "seconds",
    "activity_s": "seconds",
    "store_quota_mb": "megabytes",
    "preload_mb": "megabytes",
    "store_max_age_h": "hours",
    "outputs_quota_mb": "megabytes",
    "keep_sessions_h": "hours",
    "outputs_max_age_h": "hours",
}

_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


class Caesura(Configurable):
    """The settings of one home's coordinator."""

    workers = Integer(
        help="How many workers are kept warm; at least 1. Default: the cores that it may use, as affinity and control "
        "groups limit them."
    ).tag(config=True)
    policy = Unicode("auto", help="When a waiting cell leaves its worker, unless its notebook says otherwise.").tag(
        config=True
    )
    idle_exit_s = Float(600.0, help="The coordinator ends when nobody has needed it for so many seconds.").tag(
        config=True
    )
    burst_after_s = Float(1.0, help="A cell that has run for so many seconds does not count in the pool.").tag(
        config=True
    )
    memory_reserve_fraction = Float(
        0.1,
        help="No worker beyond the pool's size is started when less than this part of the memory is available, "
        "of the machine or of a limit of its control group.",
    ).tag(config=True)
    store_quota_mb = Float(
        0.0,
        help="How many MB snapshots may take on the disk; beyond it cells are held, not saved. 0: no limit.",
    ).tag(config=True)
    store_max_age_h = Float(
        0.0,
        help="A snapshot that no session lives in any more is forgotten after so many hours. 0: never.",
    ).tag(config=True)
    preload_mb = Float(
        300.0,
        help="How much memory a zygote may use to have modules imported that sessions use, so that none waits for "
        "their import. 0: none.",
    ).tag(config=True)
    park_after = Unicode(
        "300",
        help="A notebook without a running cell is saved and its worker freed when nobody has used it for so many "
        "seconds; `never`: only when somebody else needs the worker.",
    ).tag(config=True)
    activity_s = Float(
        120.0,
        help="A cell that is not over is said to be busy every so many seconds, so that no culler takes it for "
        "forgotten. 0: only once.",
    ).tag(config=True)
    keep_sessions_h = Float(
        168.0,
        help="A notebook whose Jupyter Server has stopped is kept for so many hours after it was last used, with its "
        "variables; a waiting cell is waited for. 0: it ends with its server.",
    ).tag(config=True)
    outputs_quota_mb = Float(
        64.0,
        help="How many MB of a notebook's outputs are kept until they are safe in its file; beyond it the oldest are "
        "dropped, and their cell says so. 0: none are kept.",
    ).tag(config=True)
    outputs_max_age_h = Float(
        168.0, help="Outputs that nobody has fetched are dropped after so many hours, and their cell says so. 0: never."
    ).tag(config=True)
    record_variables = CaselessStrEnum(
        ["on", "off"],
        "on",
        help="Whether a suspended cell records short texts of the local variables in its frames, for the panel.",
    ).tag(config=True)
    hidden_names = Unicode(
        "passw|passphrase|secret|token|key|credential|auth|cookie|private",
        help="A regular expression: of variables and dict keys with such names, in upper or lower case, no value is "
        "recorded.",
    ).tag(config=True)
    start_method = CaselessStrEnum(
        ["fork", "spawn"], "fork", help="How workers are started; spawn where there is no fork."
    ).tag(config=True)
    log_level = CaselessStrEnum(_LEVELS, "INFO", help="How much is written to logs/coordinator.log.").tag(config=True)

    def _workers_default(self) -> int:
        return machine.cores()

    def limits(self) -> Limits:
        """The settings that the core needs; UsageError names a setting that is out of its limits."""
        if self.workers < 1:
            raise UsageError(
                f"The setting workers (CAESURA_WORKERS) is {self.workers}; the pool needs at least 1 worker. "
                "Leave it out to have one for each core."
            )
        for name, unit in _AMOUNTS.items():
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"The setting {name} is {getattr(self, name)}; it has to be a number of {unit}.")
        if not 0 <= self.memory_reserve_fraction < 1:
            raise UsageError(
                f"The setting memory_reserve_fraction is {self.memory_reserve_fraction}; "
                "it has to be at least 0 and below 1."
            )
        try:
            re.compile(self.hidden_names)
        except re.error as error:
            raise UsageError(
                f"The setting hidden_names (CAESURA_HIDDEN_NAMES) is no regular expression: {error}."
            ) from None
        return Limits(
            workers=self.workers,
            policy=parse(self.policy),
            burst_after_s=self.burst_after_s,
            memory_reserve_fraction=self.memory_reserve_fraction,
            idle_exit_s=self.idle_exit_s,
            preload_bytes=int(self.preload_mb * 1e6),
            activity_s=self.activity_s,
            keep_s=self.keep_sessions_h * 3600,
            hidden_names=self.hidden_names if self.record_variables == "on" else None,
            outputs_bytes=int(self.outputs_quota_mb * 1e6),
            park_after_s=parse_seconds("The setting park_after (CAESURA_PARK_AFTER)", self.park_after),
        )

    def store_limits(self) -> StoreLimits:
        """What the store may take, and for how long."""
        return StoreLimits(
            quota_bytes=int(self.store_quota_mb * 1e6) or None,
            max_age_s=self.store_max_age_h * 3600 or None,
            outputs_max_age_s=self.outputs_max_age_h * 3600 or None,
        )


class _Loader(Application):
    name = "caesura-coordinator"
    classes = [Caesura]  # noqa: RUF012  traitlets' own way
    aliases = {  # noqa: RUF012
        "workers": "Caesura.workers",
        "policy": "Caesura.policy",
        "start-method": "Caesura.start_method",
        "idle-exit-s": "Caesura.idle_exit_s",
        "log-level": "Caesura.log_level",
    }
    flags: dict[str, Any] = {}  # noqa: RUF012


def load(arguments: Sequence[str], environ: Mapping[str, str], *, paths: Sequence[Path] | None = None) -> Caesura:
    """The settings: config files, over them the variables, over them the flags.

    UsageError, which names the setting and what is allowed, if one cannot be what it is.
    """
    loader = _Loader()
    folders = [str(path) for path in paths] if paths is not None else jupyter_config_path()
    try:
        loader.load_config_file("jupyter_caesura_config", path=folders)
        from_files = loader.config
        loader.parse_command_line(list(arguments))
        from_flags = loader.cli_config
        config = Config()
        config.merge(from_files)
        config.merge(Config({"Caesura": _from_variables(environ)}))
        config.merge(from_flags)
        settings = Caesura(config=config)
        settings.limits()
    except TraitError as error:
        raise UsageError(f"A setting of the coordinator is wrong: {error}") from error
    return settings


def _from_variables(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, name in VARIABLES.items():
        text = environ.get(variable, "").strip()
        if not text:
            continue
        if name == "workers":
            found[name] = _number(variable, text, int)
        elif name in _AMOUNTS:
            found[name] = _number(variable, text, float)
        else:
            found[name] = text
    return found


def _number(variable: str, text: str, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(text)
    except ValueError:
        what = "whole number" if kind is int else f"number of {_AMOUNTS[VARIABLES[variable]]}"
        raise UsageError(f"{variable} is {text!r}; it has to be a {what}.") from None
