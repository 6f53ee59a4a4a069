"""Context variables that a cell has set are set in the next cell too, as under ipykernel.

Each cell is a task with a context of its own, because what the worker keeps in context variables (under which header
output appears) differs from cell to cell. So what is the user's is carried from one to the next.
"""

from __future__ import annotations

import contextvars
from typing import Any

from caesura.worker.anchors import anchored


class SessionVariables:
    """``context`` is as the last cell left it; it moves with the session."""

    def __init__(self) -> None:
        self.context = contextvars.Context()

    def keep(self) -> None:
        """A cell is over; called in its context."""
        self.context = contextvars.copy_context()

    def next_context(self, kernel: Any) -> contextvars.Context:
        """For the next cell; called in the context in which its header was set."""
        context = contextvars.copy_context()
        own = {id(each) for each in anchored(kernel, None, None).values() if isinstance(each, contextvars.ContextVar)}
        for variable, value in self.context.items():
            if id(variable) not in own and context.get(variable) is not value:
                context.run(variable.set, value)
        return context
