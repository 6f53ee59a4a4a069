"""The server's own ear at the coordinator, for as long as the server runs: what changes is told, never asked for.

What lives here: finding the coordinator, which somebody else starts and stops, and listening to it. What must not: what
is made of the news. A coordinator is never started for this.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from caesura.client import ConnectionLost, Link, NoCoordinator, open_link
from caesura.errors import CaesuraError
from caesura.wire import messages

Json = dict[str, Any]

LOOK_EVERY_S: Final = 2.0
"""While no coordinator runs, the file in which one says where it is is looked for this often."""


def watch(home: Path, stream: str = "", after: int = 0) -> Link:
    """A connection over which the coordinator of ``home`` tells what there is, then what changes: all, or what came
    after the number ``after`` of ``stream``. NoCoordinator if none runs, CaesuraError if it does not answer."""
    link = open_link(home, role="client")
    try:
        link.send(messages.Request(number=1, method="watch", params={"stream": stream, "after": after}))
    except BaseException:
        link.close()
        raise
    return link


class Following:
    """``take`` gets each message of the stream, ``lost`` hears that the connection is over."""

    def __init__(self, home: Path, take: Callable[[Json], None], lost: Callable[[], None], log: logging.Logger) -> None:
        self._home = home
        self._take = take
        self._lost = lost
        self._log = log
        self._said = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the loop that runs."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Let go of the coordinator."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            link = await self._connect()
            if link is not None:
                try:
                    await self._listen(link)
                finally:
                    link.close()
                    self._lost()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _connect(self) -> Link | None:
        connecting = asyncio.ensure_future(asyncio.to_thread(watch, self._home))
        try:
            return await asyncio.shield(connecting)
        except NoCoordinator:
            self._said = ""
        except CaesuraError as error:
            if str(error) != self._said:
                self._said = str(error)
                self._log.warning("Events and metrics of Caesura are missing: %s", error)
        except asyncio.CancelledError:
            connecting.add_done_callback(_close_late)
            raise
        return None

    async def _listen(self, link: Link) -> None:
        """Until the coordinator ends."""
        loop = asyncio.get_running_loop()
        is_over = loop.create_future()

        def readable() -> None:
            try:
                while (message := link.receive(0)) is not None:
                    self._pass_on(message)
            except ConnectionLost:
                loop.remove_reader(link.fileno())
                is_over.set_result(None)

        loop.add_reader(link.fileno(), readable)
        try:
            await is_over
        finally:
            loop.remove_reader(link.fileno())

    def _pass_on(self, message: messages.Message) -> None:
        match message:
            case messages.Reply(result=dict(data)) | messages.Event(name="change", data=data):
                self._take(data)


def _close_late(connecting: asyncio.Future[Link]) -> None:
    """The server stopped while the connection was being made."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()
