"""The requests that the extension answers, each for authenticated and authorized users only.

The client is synchronous, so it is used in a thread; one connection per request, because requests are rare: the
panel asks when a kernel or a session changes.
"""

from __future__ import annotations

import asyncio
import http
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from caesura.client import Client, NoCoordinator
from caesura.errors import EnvironmentFault

NOTHING_RUNS: dict[str, Any] = {"coordinator": None, "workers": [], "sessions": [], "cells": []}
"""The status of a home whose coordinator does not run, which is not an error: it starts with the first kernel."""


class _Handler(ExtensionHandlerMixin, APIHandler):
    auth_resource = "caesura"

    def initialize(self, name: str, *, home: Path) -> None:
        """``name`` is the extension's, ``home`` the directory whose coordinator is asked."""
        super().initialize(name)
        self._home = home

    async def ask(self, method: str, otherwise: Any) -> Any:
        """The coordinator's answer, or ``otherwise`` if none runs. HTTPError 503, with the reason, if there is none."""
        try:
            return await asyncio.to_thread(_ask, self._home, method)
        except NoCoordinator:
            return otherwise
        except EnvironmentFault as error:
            raise web.HTTPError(http.HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


class StatusHandler(_Handler):
    """Workers, sessions and cells, as ``caesura status --json`` prints them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.finish(await self.ask("status", NOTHING_RUNS))


class EventsHandler(_Handler):
    """The events that cells wait for, as ``caesura events --json`` prints them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.finish({"events": await self.ask("events", [])})


def _ask(home: Path, method: str) -> Any:
    with Client(home) as client:
        return client.request(method)
