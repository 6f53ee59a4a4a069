"""Loops that run until nothing can run, on a clock that stands still."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from caesura.clock import ManualClock
from caesura.loop import Block, CellLoop
from caesura.model import CallKind, Wait


class Session:
    """A cell loop, operations that a test answers by hand, and the blocks that were reported."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.loop = CellLoop(self.clock)
        self.blocks: list[Block] = []
        self.errors: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _loop, context: self.errors.append(context))
        for ident in sys._current_frames():  # threads of pytest's plugins are not the user's
            self.loop.own_threads.add(ident)

    def operation(self, op_id: str) -> asyncio.Future[Any]:
        """A pending operation; done when its future is."""
        future: asyncio.Future[Any] = self.loop.create_future()
        wait = Wait(op_id, CallKind.FUNCTION, f"function:{op_id}", op_id, self.clock.wall())
        self.loop.operations[op_id] = future, wait
        return future

    def start(self, code: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self.loop.create_task(code)

    def until_blocked(self) -> Block:
        """Run until nothing can run; the block that the loop reports."""
        found: list[Block] = []

        def stop(block: Block) -> None:
            found.append(block)
            self.loop.stop()

        self.loop.on_blocked = stop
        self.loop.run_forever()
        self.blocks += found
        return found[-1]

    def block_of(self, code: Coroutine[Any, Any, Any]) -> Block:
        self.start(code)
        return self.until_blocked()

    def close(self) -> None:
        self.loop.on_blocked = None
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        if pending:
            self.loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
