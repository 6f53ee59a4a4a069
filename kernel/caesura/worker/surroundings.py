"""What a worker has around it: the coordinator, and the processes that it has started."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import getpgrp, getpid, kill, killpg  # by name: a notebook may replace them in their module

from caesura import config
from caesura.errors import EnvironmentFault


def locate_coordinator() -> str:
    """Where the coordinator listens now: it may have been started again, on another path."""
    home = config.home_directory(os.environ)
    connection = config.read_connection(home)
    path = os.environ.get("CAESURA_SOCKET", "") if connection is None else str(connection["socket"])
    if not path:
        raise EnvironmentFault("no coordinator is known")
    return path


@dataclass
class Entered:
    """The variables and the directory in which a process became a worker, before any code of the user."""

    variables: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""


entered = Entered()


def remember_entering(variables: Mapping[str, str], cwd: str) -> None:
    """Note what another process would need to become a worker like this one."""
    entered.variables, entered.cwd = dict(variables), cwd


def interrupt_processes() -> None:
    """SIGINT for this process and, as ipykernel does, for the children that it has in its process group."""
    if getpgrp() == getpid():
        killpg(getpid(), signal.SIGINT)
    else:
        kill(getpid(), signal.SIGINT)
