"""What a snapshot of a session consists of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from caesura import snapshot
from caesura.errors import CannotLoad
from caesura.loop import Block, CellLoop
from caesura.model import Obstacle, wake_to_json
from caesura.snapshot import interpreter, replaced
from caesura.store.blobs import Blobs
from caesura.wire.messages import wait_to_json
from caesura.worker import frame_records, shell_state
from caesura.worker.about_session import about_session
from caesura.worker.anchors import anchored
from caesura.worker.bare_descriptors import refuse_bare_descriptors
from caesura.worker.frame_records import FrameRecords
from caesura.worker.host import Main
from caesura.worker.open_files import Bare, flush_files, flush_log_handlers, open_descriptors
from caesura.worker.streams import CellStream, drain
from caesura.worker.trials import Trials
from caesura.worker.variables import SessionVariables

log = logging.getLogger(__name__)


def rehearse(kernel: Any, loop: CellLoop) -> None:
    """Go through the save of a session that has nothing."""
    shell = kernel.shell
    root = {
        "namespace": shell.user_ns,
        "shell": shell_state.capture(shell, shell_state.baseline_of(shell)),
        "loop": loop.state(),
    }
    frame_records.rehearse()
    snapshot.rehearse(root, anchors=snapshot.Anchors(anchored(kernel, loop, None)), loop=loop)


class SessionSnapshot:
    """``main`` gives what runs as the main task, None between cells; ``driver`` its coroutine."""

    def __init__(
        self,
        kernel: Any,
        loop: CellLoop,
        blobs: Blobs,
        streams: tuple[CellStream, CellStream],
        variables: SessionVariables,
        main: Callable[[], Main | None],
        trials: Trials,
    ) -> None:
        self._kernel = kernel
        self._loop = loop
        self._blobs = blobs
        self._streams = streams
        self._variables = variables
        interpreter.begin()
        loop.while_reporting = lambda: replaced.set_aside_near(kernel.shell.user_ns)
        self._check = snapshot.NamespaceCheck(kernel.shell.user_ns)
        self._main = main
        self._trials = trials
        self._records = FrameRecords(kernel.shell.compile._filename_map, trials.environment)
        self._baseline = shell_state.baseline_of(kernel.shell)
        self._own_descriptors = open_descriptors()
        self._bare_descriptors = Bare()

    def originals(self) -> AbstractContextManager[None]:
        """See :class:`caesura.worker.suspend.Saves`."""
        return replaced.set_aside(self._kernel.shell.user_ns)

    def flush(self) -> None:
        """See :class:`caesura.worker.suspend.Saves`."""
        self._bare_descriptors = flush_files(self._own_descriptors, self._kernel.shell.history_manager.journal)
        flush_log_handlers()
        drain(*self._streams)

    def serialise(self, aborted: Callable[[], bool]) -> snapshot.Serialised:
        """See :class:`caesura.worker.suspend.Saves`."""
        if self._bare_descriptors.numbers:
            self._kernel.shell.history_manager.wait_for_thread()  # what it had open is closed then
        refuse_bare_descriptors(self._bare_descriptors, self._kernel.shell.user_ns, self._loop)
        serialised = snapshot.serialise(self._root(), anchors=self._anchors(), loop=self._loop, aborted=aborted)
        # After that: a thread began to write down this cell's text when it began, and is done by now.
        self._kernel.shell.history_manager.write_out()
        drain(*self._streams)  # the history may have said something
        return serialised

    def store(
        self, serialised: snapshot.Serialised, block: Block, aborted: Callable[[], bool], room_bytes: int | None
    ) -> snapshot.Saved:
        """What it waits for, and which variables it has, stands in the manifest, readable without loading anything.
        CannotLoad if it is stored and cannot be loaded."""
        about = {
            "waits": [wait_to_json(wait) for wait in block.waits],
            "wake": wake_to_json(block.wake),
            **about_session(self._kernel.shell),
            "frames": self._frames(),
        }
        saved = snapshot.store(
            serialised, blobs=self._blobs, aborted=aborted, about=about, room_bytes=room_bytes, keeps_stream=True
        )
        self._trials.check(saved, aborted)
        return saved

    def check(self) -> tuple[list[Obstacle], int] | None:
        """The variables that would hold the session, and how many were not looked at, if that is not as it was.

        It takes 2 ms at the most, and goes on where it stopped.
        """
        before = self._check.waiting
        is_changed = self._check.run(self._anchors(), self._loop)
        waiting = self._check.waiting
        return (list(self._check.found.values()), waiting) if is_changed or waiting != before else None

    def explain(self, error: BaseException) -> Obstacle:
        """What stood in the way of a save."""
        if isinstance(error, CannotLoad):
            return Obstacle(error.kind, error.path, error.detail, error.remedy)
        return snapshot.explain(error, self._root(), self._anchors())

    def _frames(self) -> list[dict[str, Any]]:
        """What people see of the frames; nothing, rather than a session that is held for it, where that fails."""
        main = self._main()
        try:
            return [] if main is None else self._records.of(main.state()["coroutine"])
        except Exception:
            log.warning("the frames of a cell were not recorded for who looks at it", exc_info=True)
            return []

    def _anchors(self) -> snapshot.Anchors:
        main = self._main()
        driver = None if main is None or main.task is None else main.task.get_coro()
        return snapshot.Anchors(by_name=anchored(self._kernel, self._loop, driver))

    def _root(self) -> dict[str, object]:
        main, loop = self._main(), self._loop
        task = None if main is None else main.task
        return {
            "namespace": self._kernel.shell.user_ns,
            "shell": shell_state.capture(self._kernel.shell, self._baseline),
            "early": shell_state.extensions_of(self._kernel.shell),
            "cell": None if main is None else main.state(),
            "tasks": [each for each in asyncio.all_tasks(loop) if each is not task],
            "timers": [handle for handle in loop._scheduled if not handle.cancelled()],
            "operations": dict(loop.operations),
            "variables": self._variables.context,
            "loop": loop.state(),
        }
