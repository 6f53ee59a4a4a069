"""The input history of a session that may live in several processes: one session number in IPython's database."""

from __future__ import annotations

from typing import Any

from IPython.core.history import HistoryManager

from caesura.errors import CannotMove


class SessionHistory(HistoryManager):  # type: ignore[misc]
    """A history that takes its session number when it is told to, not when it is made."""

    _has_begun = False

    def new_session(self, conn: Any = None) -> None:
        if self._has_begun:
            super().new_session(conn)

    def begin(self, session_number: int | None = None) -> None:
        """Begin a new session in the database, or go on with one that another process began."""
        self._has_begun = True
        if session_number is None:
            self.new_session()
        else:
            self.session_number = session_number

    @property
    def journal(self) -> str:
        """The file that SQLite has beside the database while it writes; empty if there is none. A thread of IPython's
        writes what is run, so it may be there at any time."""
        return f"{self.hist_file}-journal" if self.enabled and str(self.hist_file) != ":memory:" else ""

    def wait_for_thread(self) -> None:
        """Return when IPython's thread is not in the middle of writing: SQLite has the folder open for a moment."""
        if self.enabled:
            with self.db_input_cache_lock, self.db_output_cache_lock:
                pass

    def write_out(self) -> None:
        """Write what is not in the database yet. CannotMove if that fails: it would be lost with the process."""
        if not self.enabled:
            return
        try:
            self.writeout_cache()
        except Exception as error:
            remedy = f"{type(error).__name__}: {error}. It is tried again at the next await."
            kind = f"the input history, which cannot be written to {self.hist_file}"
            raise CannotMove(kind, "history", remedy) from error  # with a path: nothing of the session is to blame


def install_history(shell: Any) -> SessionHistory:
    """Give the shell a history; until then it has none (a zygote must not open a database)."""
    old = shell.history_manager
    history = SessionHistory(shell=shell, parent=shell)
    shell.history_manager = history
    shell.configurables[:] = [history if each is old else each for each in shell.configurables]
    shell.init_user_ns()
    return history
