"""The input history of a session that may live in several processes: one session number in IPython's database."""

from __future__ import annotations

from typing import Any

from IPython.core.history import HistoryManager


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


def install_history(shell: Any) -> SessionHistory:
    """Give the shell a history; until then it has none (a zygote must not open a database)."""
    old = shell.history_manager
    history = SessionHistory(shell=shell, parent=shell)
    shell.history_manager = history
    shell.configurables[:] = [history if each is old else each for each in shell.configurables]
    shell.init_user_ns()
    return history
