"""CPython's tests that cannot pass when all that is suspended is rebuilt at every turn, each with its reason.

The tier fails when one of these passes, and when another one fails.
"""

from __future__ import annotations

from typing import Final

CANNOT_PASS: Final = {
    "test_asyncio.test_tasks.CTask_CFuture_SubclassTests.test_subclasses_ctask_cfuture": (
        "It counts how often add_done_callback of its own class of futures is called. A task that takes up its wait "
        "after a move subscribes once more."
    ),
}
