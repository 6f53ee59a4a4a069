"""One cell: from the execute request to its reply.

The whole cell is one task of the cell loop. Its coroutine, :meth:`Cell.drive`, runs the statements one after the other;
in a snapshot it is cut off at the statement that awaits, and in another process a new one awaits the restored statement
and goes on with those that are left.
"""

from __future__ import annotations

import asyncio
import bdb
import contextlib
import inspect
import sys
import types
from collections.abc import Generator, Iterator
from typing import Any
from warnings import warn

from IPython.core.interactiveshell import InteractiveShell, _asyncio_runner

from caesura.worker import statements as steps
from caesura.worker.host import Host
from caesura.worker.reply import reply_content

_REQUEST_PARTS = ("header", "parent_header", "metadata", "content", "msg_id", "msg_type")
_RUN_CELL_PARAMETERS = frozenset(inspect.signature(InteractiveShell.run_cell).parameters)


@types.coroutine
def go_on(coroutine: Any) -> Generator[Any, Any, Any]:
    """Await a coroutine that is suspended already, which ``await`` refuses."""
    return (yield from coroutine)


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
        self.coroutine: Any = None
        self._metadata: dict[str, Any] = {}
        self._statements: steps.Statements | None = None
        self._result: Any = None
        self._is_restored = False

    @property
    def parent(self) -> dict[str, Any]:
        """The header under which the output of the cell appears."""
        header: dict[str, Any] = self.request["header"]
        return header

    # --- moving -----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What a snapshot keeps of the cell while a statement of it waits."""
        return {
            "kind": self.kind,
            "cell_id": self.cell_id,
            "coroutine": self.coroutine,
            "task": self.task,
            "idents": self.idents,
            "request": self.request,
            "metadata": self._metadata,
            "statements": self._statements,
            "value": None if self._result is None else self._result.result,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become the cell of a snapshot; :meth:`drive` has to be created before and started after this."""
        self.cell_id, self.coroutine, self.task = state["cell_id"], state["coroutine"], state["task"]
        self.idents, self.request = state["idents"], state["request"]
        self._metadata, self._statements = state["metadata"], state["statements"]
        assert self._statements is not None
        self._result = steps.make_result(self._statements.source, self._statements.execution_count)
        self._result.result = state["value"]
        self._is_restored = True

    @classmethod
    def blank(cls, host: Host) -> Cell:
        """A cell to be filled by :meth:`restore`."""
        return cls(host, "", [], dict.fromkeys(_REQUEST_PARTS))

    # --- running ----------------------------------------------------------------------------------------------------

    def announce(self) -> None:
        """Say that the cell runs; outside its task."""
        kernel = self._host.kernel
        self._metadata = kernel.init_metadata(self.request)
        content = self.request["content"]
        if not content.get("silent", False):
            kernel._publish_execute_input(content["code"], self.request, kernel.execution_count)

    async def drive(self) -> None:
        """The coroutine of the cell's task."""
        __tracebackhide__ = "__ipython_bottom__"  # tells IPython that this frame and those above are not the user's
        shell = self._host.kernel.shell
        failure: BaseException | None = None
        self._host.kernel._forward_input(self.request["content"].get("allow_stdin", False))
        try:
            if not self._is_restored:
                self._begin()
            if self._statements is not None:
                with self._in_shell():
                    code: types.CodeType | None = None
                    while self.coroutine is not None or (code := self._next_code()) is not None:
                        try:
                            if self.coroutine is not None:
                                await go_on(self.coroutine)
                            elif code is not None and code.co_flags & inspect.CO_COROUTINE:
                                self.coroutine = eval(code, shell.user_global_ns, shell.user_ns)  # noqa: S307
                                await self.coroutine
                            elif code is not None:
                                exec(code, shell.user_global_ns, shell.user_ns)  # noqa: S102
                        except GeneratorExit:
                            raise
                        except BaseException as error:  # noqa: BLE001  # whatever a statement raises is shown
                            self._show(error)
                            break
                        finally:
                            self.coroutine = None
            self._end()
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001  # the cell gets its reply
            failure = error
        self._finish(failure)

    def _begin(self) -> None:
        shell, content = self._host.kernel.shell, self.request["content"]
        code, silent = content["code"], content.get("silent", False)
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
        shell = self._host.kernel.shell
        with shell.builtin_trap, shell.display_trap:
            shell.displayhook.exec_result = self._result
            shell.sys_excepthook, sys.excepthook = sys.excepthook, shell.excepthook
            try:
                yield
            finally:
                sys.excepthook = shell.sys_excepthook
                shell.displayhook.exec_result = None

    def _next_code(self) -> types.CodeType | None:
        shell = self._host.kernel.shell
        assert self._statements is not None
        try:
            return steps.compile_next(shell, self._statements)
        except Exception as error:  # noqa: BLE001  # code that parses and cannot be compiled
            self._result.error_before_exec = error
            shell.showtraceback()
            return None

    def _show(self, error: BaseException) -> None:
        """Show what ended a statement, as the shell does."""
        shell, task = self._host.kernel.shell, self.task
        traceback = error.__traceback__
        inner = None if traceback is None else traceback.tb_next
        if traceback is not None and inner is not None and inner.tb_frame.f_code is go_on.__code__:
            traceback.tb_next = inner.tb_next
        if isinstance(error, asyncio.CancelledError) and task is not None and self._host.was_interrupted(task):
            task.uncancel()
            error = KeyboardInterrupt().with_traceback(traceback)
        self._result.error_in_exec = error
        if isinstance(error, SystemExit):
            shell.showtraceback((type(error), error, traceback), exception_only=True)
            warn("To exit: use 'exit', 'quit', or Ctrl-D.", stacklevel=1)
        elif isinstance(error, bdb.BdbQuit):
            return
        elif isinstance(error, shell.custom_exceptions):
            shell.CustomTB(type(error), error, traceback)
        else:
            shell.showtraceback((type(error), error, traceback), running_compiled_code=True)

    def _end(self) -> None:
        if self._statements is not None:
            steps.end(self._host.kernel.shell, self._statements, self._result)
            self._trigger_end()

    def _trigger_end(self) -> None:
        shell = self._host.kernel.shell
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
            kernel.session.send(
                host.shell_socket, "execute_reply", content, self.request, metadata=metadata, ident=self.idents
            )
            kernel._publish_status("idle", "shell", parent=self.request)
            host.cell_done(self, content["status"], content["execution_count"], content.get("ename", ""))
