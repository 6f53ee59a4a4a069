"""One cell: from the execute request to its reply.

The whole cell is one task of the cell loop. Its coroutine, :meth:`Cell.drive`, runs the statements one after the other;
in a snapshot it is cut off at the statement that awaits, and in another process a new one awaits the restored statement
and goes on with those that are left.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

from IPython.core import interactiveshell
from IPython.core.interactiveshell import InteractiveShell

from caesura.wire.marks import without_mark
from caesura.worker import statements as steps
from caesura.worker.host import Host
from caesura.worker.reply import reply_content
from caesura.worker.restored import constant_code, go_on, suspended_inside
from caesura.worker.tracebacks import interrupted

_REQUEST_PARTS = ("header", "parent_header", "metadata", "content", "msg_id", "msg_type")
_asyncio_runner = vars(interactiveshell)["_asyncio_runner"]
_RUN_CELL_PARAMETERS = frozenset(inspect.signature(InteractiveShell.run_cell).parameters)


class Cell:
    """``request`` is a deserialised execute_request, ``idents`` who sent it."""

    kind = "cell"

    def __init__(self, host: Host, cell_id: str, idents: list[bytes], request: dict[str, Any]) -> None:
        self._host = host
        self.cell_id = cell_id
        self.moves = 0
        self.idents = idents
        self.request = {name: request[name] for name in _REQUEST_PARTS}
        self.task: asyncio.Task[Any] | None = None
        self._running: Any = None
        self._restored: Any = None
        self._metadata: dict[str, Any] = {}
        self._statements: steps.Statements | None = None
        self._result: Any = None
        self._display: Any = None

    @property
    def parent(self) -> dict[str, Any]:
        """The header under which the output of the cell appears."""
        header: dict[str, Any] = self.request["header"]
        return header

    @property
    def _shell(self) -> Any:
        return self._host.kernel.shell

    # --- moving -----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What a snapshot keeps of the cell while a statement of it waits."""
        return {
            "kind": self.kind,
            "cell_id": self.cell_id,
            "coroutine": suspended_inside(self._running),
            "task": self.task,
            "idents": self.idents,
            "request": self.request,
            "metadata": self._metadata,
            "statements": self._statements,
            "value": None if self._result is None else self._result.result,
            "display": None if sys.displayhook is self._shell.displayhook else sys.displayhook,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become the cell of a snapshot; :meth:`drive` has to be created before and started after this."""
        self.cell_id, self._restored, self.task = state["cell_id"], state["coroutine"], state["task"]
        self.idents, self.request = state["idents"], state["request"]
        self._metadata, self._statements = state["metadata"], state["statements"]
        assert self._statements is not None
        self._result = steps.make_result(self._statements.source, self._statements.execution_count)
        self._result.result = state["value"]
        self._display = state["display"]
        self._forward_input()  # here: what stands in the place of input() by now is the user's

    @classmethod
    def blank(cls, host: Host) -> Cell:
        """A cell to be filled by :meth:`restore`."""
        return cls(host, "", [], dict.fromkeys(_REQUEST_PARTS))

    # --- running ----------------------------------------------------------------------------------------------------

    def _forward_input(self) -> None:
        self._host.kernel._forward_input(self.request["content"].get("allow_stdin", False))

    def announce(self) -> None:
        """Say that the cell runs; outside its task."""
        kernel = self._host.kernel
        self._metadata = kernel.init_metadata(self.request)
        content = self.request["content"]
        if not content.get("silent", False):
            kernel._publish_execute_input(content["code"], self.request, kernel.execution_count)

    async def drive(self) -> None:
        """The coroutine of the cell's task."""
        shell = self._shell
        failure: BaseException | None = None
        self._host.cell_began()
        if self._restored is None:
            self._forward_input()
        if self._restored is None and self.task is not None and self._host.was_interrupted(self.task):
            self._finish(KeyboardInterrupt())  # before its first step
            return
        try:
            if self._restored is None:
                self._begin()
            if self._statements is not None:
                with self._in_shell():
                    while (code := self._next_code()) is not None:
                        is_async = bool(code.co_flags & inspect.CO_COROUTINE) or self._restored is not None
                        self._running, self._restored = shell.run_code(code, self._result, async_=is_async), None
                        has_raised = await self._running
                        self._running = None
                        if has_raised:
                            break
            self._end()
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001  # the cell gets its reply
            failure = error
        self._finish(failure)

    def _begin(self) -> None:
        shell, content = self._shell, self.request["content"]
        code, silent = without_mark(content["code"]), content.get("silent", False)
        store_history = content.get("store_history", not silent)
        cell_meta = self.request["metadata"] or {}
        cell_id = cell_meta.get("cellId")
        shell._last_traceback = None
        shell._last_traceback_during_displayhook = False
        try:
            transformed = shell.transform_cell(code)
        except Exception:  # noqa: BLE001  # the shell meets it again and shows it
            transformed = None
        if transformed is not None and self._may_await(shell, code, transformed):
            source = steps.Source(code, transformed, silent, store_history, cell_id, cell_meta)
            self._statements, self._result = steps.begin(shell, source)
            if self._statements is None:
                self._trigger_end()
            return
        known = {"cell_id": cell_id, "cell_meta": cell_meta}
        extra = {name: known[name] for name in known if name in _RUN_CELL_PARAMETERS}
        self._result = shell.run_cell(code, store_history=store_history, silent=silent, **extra)

    @staticmethod
    def _may_await(shell: Any, code: str, transformed: str) -> bool:
        return bool(
            shell.loop_runner is _asyncio_runner
            and not shell.trio_runner
            and shell.should_run_async(code, transformed_cell=transformed, preprocessing_exc_tuple=None)
        )

    @contextlib.contextmanager
    def _in_shell(self) -> Iterator[None]:
        shell = self._shell
        with shell.builtin_trap, shell.display_trap:
            shell.displayhook.exec_result = self._result
            if self._display is not None:
                sys.displayhook = self._display  # the user set it earlier in this cell
            try:
                yield
            finally:
                shell.displayhook.exec_result = None

    def _next_code(self) -> types.CodeType | None:
        shell = self._shell
        assert self._statements is not None
        if self._restored is not None:
            return constant_code(go_on(self._restored))
        try:
            return steps.compile_next(shell, self._statements)
        except Exception as error:  # noqa: BLE001  # code that parses and cannot be compiled
            self._result.error_before_exec = error
            shell.showtraceback()
            return None

    def _end(self) -> None:
        task = self.task
        if task is not None and self._host.was_interrupted(task) and self._result is not None:
            self._result.error_in_exec = interrupted(self._result.error_in_exec)
            task.uncancel()
        if self._statements is not None:
            steps.end(self._shell, self._statements, self._result)
            self._trigger_end()

    def _trigger_end(self) -> None:
        shell = self._shell
        shell.events.trigger("post_execute")
        if not self.request["content"].get("silent", False):
            shell.events.trigger("post_run_cell", self._result)

    def _finish(self, failure: BaseException | None) -> None:
        """Reply, idle, done: in one go, whatever interrupts."""
        host, kernel = self._host, self._host.kernel
        with contextlib.suppress(KeyboardInterrupt), host.undisturbed():
            if failure is not None:
                kernel.shell.showtraceback((type(failure), failure, failure.__traceback__))
            kernel._restore_input()
            content = reply_content(kernel, self._result, failure, self.request["content"].get("user_expressions"))
            host.drain()
            metadata = kernel.finish_metadata(self.request, self._metadata, content)
            with host.batch():
                kernel.session.send(
                    host.shell_socket, "execute_reply", content, self.request, metadata=metadata, ident=self.idents
                )
                kernel._publish_status("idle", "shell", parent=self.request)
                host.cell_done(self, content["status"], content["execution_count"], content.get("ename", ""))
