"""The way back in: a snapshot becomes the session of this process."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from caesura import points, snapshot
from caesura.loop import CellLoop, Delivery, LoopState
from caesura.store.blobs import Blobs
from caesura.wire.codec import Buffer
from caesura.wire.messages import Json
from caesura.worker import shell_state
from caesura.worker.anchors import anchored
from caesura.worker.host import Main


@dataclass
class Resumed:
    """``main`` runs the cell that was moved, if there is one; ``state`` is the clock at the freeze, ``orders`` how the
    callbacks of futures stood, ``variables`` the context that the last cell left, ``notices`` what the user has to be
    told, ``kinds`` what of the snapshot was not known to load. ``begin`` is that of the session."""

    main: Main | None
    state: LoopState
    orders: Any
    operations: dict[str, Any]
    variables: contextvars.Context
    notices: tuple[str, ...]
    kinds: Sequence[str]
    begin: Callable[[], None]


def load(
    manifest: Json, stream: Buffer | None, *, kernel: Any, loop: CellLoop, blobs: Blobs, main: Main | None
) -> Resumed:
    """Load a snapshot; ``main`` is blank and becomes what the snapshot holds. No code of the user runs yet.
    ``stream`` is that of a snapshot which has it in no blob.

    SnapshotRefused if it is damaged or belongs to another Python; whatever its objects raise when they are loaded.
    """
    points.reach("load.before")
    driver = None if main is None else main.drive()

    def prepare(extensions: list[str]) -> snapshot.Anchors:
        shell_state.load_extensions(kernel.shell, extensions)
        return snapshot.Anchors(anchored(kernel, loop, driver))

    try:
        loaded = snapshot.load(
            manifest,
            stream=stream,
            anchors=snapshot.Anchors(anchored(kernel, loop, driver)),
            loop=loop,
            blobs=blobs,
            prepare=prepare,
        )
    except BaseException:
        if driver is not None:
            driver.close()
        raise
    root: dict[str, Any] = loaded.root
    shell_state.restore(kernel.shell, root["shell"])
    if main is not None:
        main.restore(root["cell"])
    points.reach("load.after")
    points.reach("replay.before")
    kinds = manifest.get("kinds", ())
    state, operations, variables = root["loop"], root["operations"], root["variables"]
    return Resumed(main, state, loaded.orders, operations, variables, loaded.notices, kinds, loaded.begin)


def begin_replay(
    resumed: Resumed, loop: CellLoop, answers: Sequence[Delivery], interrupt: Callable[[], None] | None
) -> None:
    """Have the loop take the session up where it was, and deliver what came meanwhile, an interrupt first."""
    loop.operations.update(resumed.operations)
    deliveries = list(answers)
    if interrupt is not None:
        deliveries.insert(0, Delivery(resumed.state.wall, interrupt))
    loop.resume_from(resumed.state, deliveries, resumed.orders, resumed.begin)
