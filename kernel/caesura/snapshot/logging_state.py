"""Levels and handlers that the user gave to loggers. A logger itself travels by its name."""

from __future__ import annotations

import collections
import logging
import weakref
from typing import Any, Final

NOT_OF_THE_SESSION: Final = (
    "caesura",
    "traitlets",
    "ipykernel",
    "IPython",
    "tornado",
    "zmq",
    "asyncio",
    "concurrent",
    "dill",
)
"""Loggers of the kernel's own machinery, and those below them."""

HANDLERS_FROM: Final = ("logging", "logging.handlers", "rich.logging", "__main__")
"""Modules whose handlers are taken along. Those of others (a test runner's, a service's) belong to the process."""

_own: weakref.WeakSet[logging.Handler] = weakref.WeakSet()
"""Handlers that were there before any code of the user ran."""


def _loggers() -> list[logging.Logger]:
    named = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    users = [logger for logger in named if logger.name.partition(".")[0] not in NOT_OF_THE_SESSION]
    return [logging.root, *users]


def note_own_handlers() -> None:
    """What is attached now is not the user's."""
    for logger in _loggers():
        _own.update(logger.handlers)


def capture() -> list[tuple[Any, ...]]:
    """For each logger that is not as new: the logger, its level and flags, and the user's handlers."""
    states = []
    for logger in _loggers():
        handlers = [handler for handler in logger.handlers if _is_of_the_session(handler)]
        new_level = logging.WARNING if logger is logging.root else logging.NOTSET
        if handlers or logger.level != new_level or logger.disabled or not logger.propagate:
            states.append((logger, logger.level, logger.propagate, logger.disabled, handlers))
    return states


def _is_of_the_session(handler: logging.Handler) -> bool:
    return type(handler).__module__ in HANDLERS_FROM and handler not in _own


def restore(states: list[tuple[Any, ...]]) -> None:
    for logger, level, propagates, is_disabled, handlers in states:
        logger.setLevel(level)
        logger.propagate = propagates
        logger.disabled = is_disabled
        # A library that was imported meanwhile may have given its logger the same ones.
        present = collections.Counter(type(handler) for handler in logger.handlers if handler not in _own)
        for handler in handlers:
            if present[type(handler)]:
                present[type(handler)] -= 1
            else:
                logger.addHandler(handler)


def capture_settings() -> dict[str, Any]:
    """What belongs to no logger: the level below which all are silent, names of levels, what makes records."""
    return {
        "silent below": logging.root.manager.disable,
        "names of levels": tuple(vars(logging)["_levelToName"].items()),
        "class": logging.getLoggerClass(),
        "factory": logging.getLogRecordFactory(),
        "shows errors": logging.raiseExceptions,
        "takes warnings": vars(logging)["_warnings_showwarning"] is not None,
    }


def restore_settings(saved: dict[str, Any]) -> None:
    if "silent below" in saved:
        logging.disable(saved["silent below"])
    for level, name in saved.get("names of levels", ()):
        logging.addLevelName(level, name)
    if "class" in saved:
        logging.setLoggerClass(saved["class"])
    if "factory" in saved:
        logging.setLogRecordFactory(saved["factory"])
    if "shows errors" in saved:
        logging.raiseExceptions = saved["shows errors"]
    if "takes warnings" in saved:
        logging.captureWarnings(saved["takes warnings"])


note_own_handlers()
