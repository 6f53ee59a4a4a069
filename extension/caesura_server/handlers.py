"""The requests that the extension answers, each for authenticated and authorized users only.

The client is synchronous, so it is used in a thread; one connection per request, because requests are rare: the
panel asks when a kernel or a session changes.
"""

from __future__ import annotations

import asyncio
import http
import os
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from caesura.client import Client, NoCoordinator
from caesura.errors import EnvironmentFault, UsageError, WouldLoseState
from caesura.starting import ensure_coordinator
from caesura.wire import messages

NOTHING_RUNS: dict[str, Any] = {"coordinator": None, "workers": [], "sessions": [], "cells": []}
"""The status of a home whose coordinator does not run, which is not an error: it starts with the first kernel."""


class Handler(ExtensionHandlerMixin, APIHandler):
    """What all of them have in common: asking the coordinator."""

    auth_resource = "caesura"

    def initialize(self, name: str, *, home: Path) -> None:
        """``name`` is the extension's, ``home`` the directory whose coordinator is asked."""
        super().initialize(name)
        self._home = home

    async def ask(self, method: str, otherwise: Any) -> Any:
        """The coordinator's answer, or ``otherwise`` if none runs. HTTPError 503, with the reason, if there is none."""
        try:
            return (await self._send(method, {})).result
        except NoCoordinator:
            return otherwise

    async def tell(self, otherwise: Any, method: str, **params: Any) -> Any:
        """As :meth:`ask`, for what may be in the records alone: a coordinator is started for them. ``otherwise`` if
        this home has none because there was never one; HTTPError 400, with the reason, if what was asked for is wrong,
        409 if it would lose something and has to be forced.
        """
        if otherwise is not None and not self._home.is_dir():
            return otherwise
        return (await self.call(method, params)).result

    async def call(self, method: str, params: dict[str, Any]) -> messages.Reply:
        """As :meth:`tell`, with the reply's buffers."""
        try:
            await asyncio.to_thread(ensure_coordinator, self._home, os.environ)
            return await self._send(method, params)
        except WouldLoseState as error:
            raise web.HTTPError(http.HTTPStatus.CONFLICT, str(error)) from error
        except UsageError as error:
            raise web.HTTPError(http.HTTPStatus.BAD_REQUEST, str(error)) from error

    async def _send(self, method: str, params: dict[str, Any]) -> messages.Reply:
        try:
            return await asyncio.to_thread(_ask, self._home, method, params)
        except NoCoordinator:
            raise
        except EnvironmentFault as error:
            raise web.HTTPError(http.HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


class StatusHandler(Handler):
    """Workers, sessions and cells, as ``caesura status --json`` prints them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.finish(await self.ask("status", NOTHING_RUNS))


class EventsHandler(Handler):
    """The events that cells wait for, as ``caesura events --json`` prints them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.finish({"events": await self.ask("events", [])})


def _ask(home: Path, method: str, params: dict[str, Any]) -> messages.Reply:
    with Client(home) as client:
        return client.call(method, params)
