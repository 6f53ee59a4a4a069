"""The store as the coordinator looks after it: how full it is, what is collected, what a save may still write.

What lives here: the measuring, the order of a collection, quota and age. What must not: how a blob is written or
removed (``caesura.store``), the reading of any blob.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterable
from typing import Final

from caesura.clock import wall
from caesura.coordinator.limits import StoreLimits
from caesura.store.blob_room import RESERVE_BYTES
from caesura.store.blob_use import Usage, mapped_by, usage
from caesura.store.blobs import Blobs
from caesura.store.home import Home
from caesura.store.output_files import OutputFiles
from caesura.store.records import Records
from caesura.store.writer import Writer
from caesura.wire.messages import Json

log = logging.getLogger(__name__)

_EVERY_S: Final = 300.0
_YOUNG_S: Final = 600.0
"""A save under way has not recorded its blobs yet."""


_LEDGER_AGE_S: Final = 400 * 86_400.0
"""What waits cost is kept for a year and a month."""


class Storage:
    """The blobs of one home. ``pids`` gives the live workers. Everything runs on the loop that is running when it is
    used; the disk is looked at in threads."""

    def __init__(self, home: Home, writer: Writer, limits: StoreLimits, pids: Callable[[], Iterable[int]]) -> None:
        self._directory = home.blobs_path
        self._blobs = Blobs(home.blobs_path, home.key)
        self._writer = writer
        self._limits = limits
        self._pids = pids
        self._output_files = OutputFiles(home.outputs_path)
        self._sweeping: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._used_bytes = 0
        self._collected_at: float | None = None
        self._freed_bytes = 0

    # --- what a save may write --------------------------------------------------------------------------------------

    def room_bytes(self) -> int | None:
        """What the quota leaves for one more snapshot; None without a quota."""
        quota = self._limits.quota_bytes
        return None if quota is None else max(0, quota - self._used_bytes)

    def used_bytes(self) -> int:
        """What the blobs took when they were last measured, and what workers have added since."""
        return self._used_bytes

    def wrote(self, size_bytes: int) -> None:
        """So much was added by a worker."""
        self._used_bytes += size_bytes

    # --- collecting -------------------------------------------------------------------------------------------------

    async def look_after(self) -> None:
        """Collect now and then, for ever."""
        while True:
            try:
                await self.collect()
            except OSError as error:
                log.warning("blobs could not be collected: %s", error)
            await asyncio.sleep(_EVERY_S)

    async def collect(self) -> int:
        """Remove what nobody needs; the bytes freed. Outputs and snapshots beyond their maximum age are forgotten
        first, and under a quota that is exceeded the oldest of the snapshots that no session lives in. OSError if the
        disk cannot be read."""
        async with self._one_at_a_time:
            freed = 0
            if self._limits.outputs_max_age_s is not None:
                await self._forget_outputs(wall(), self._limits.outputs_max_age_s)
            await self._forget_journal(wall())
            if self._limits.max_age_s is not None:
                await self._forget(wall() - self._limits.max_age_s, None)
            freed += await self._sweep()
            for session_id in await asyncio.to_thread(self._output_files.sessions):
                await self._sweep_outputs(session_id)
            while self._limits.quota_bytes is not None and self._used_bytes > self._limits.quota_bytes:
                if not await self._forget(wall(), 1):
                    break
                freed += await self._sweep()
            self._collected_at, self._freed_bytes = wall(), freed
            return freed

    def sweep_outputs(self, session_id: str) -> None:
        """Remove the files of the session's outputs that the records do not name any more."""
        if self._output_files.has_any(session_id):
            task = asyncio.get_running_loop().create_task(self._sweep_outputs(session_id))
            self._sweeping.add(task)
            task.add_done_callback(self._sweeping.discard)

    async def _sweep_outputs(self, session_id: str) -> None:
        needed, before = await asyncio.wrap_future(
            self._writer.submit(lambda records: records.needed_files(session_id), durable=False)
        )
        await asyncio.to_thread(self._output_files.sweep, session_id, needed, before)

    async def _forget_outputs(self, now: float, age_s: float) -> None:
        await asyncio.wrap_future(
            self._writer.submit(lambda records: records.age_outputs(now - age_s, now), durable=False)
        )

    async def _forget_journal(self, now: float) -> None:
        def forget(records: Records) -> None:
            records.forget_old_waits()
            records.forget_old_ledger(now - _LEDGER_AGE_S)

        await asyncio.wrap_future(self._writer.submit(forget, durable=False))

    async def _forget(self, before: float, most: int | None) -> int:
        return await asyncio.wrap_future(
            self._writer.submit(lambda records: records.drop_unneeded_snapshots(before, most), durable=False)
        )

    async def _sweep(self) -> int:
        # What a worker has mapped is looked up on both sides of the records: one that saved it anew and left in
        # between has it in the records by then.
        mapped = await asyncio.to_thread(mapped_by, list(self._pids()), self._directory)
        live = await self._look_up(Records.live_blobs)
        mapped |= await asyncio.to_thread(mapped_by, list(self._pids()), self._directory)
        freed = await asyncio.to_thread(self._blobs.collect, live | mapped, _YOUNG_S)
        await self._measure()
        return freed

    async def _look_up(self, read: Callable[[Records], set[str]]) -> set[str]:
        return await asyncio.wrap_future(self._writer.submit(read, durable=False))

    async def _measure(self) -> Usage:
        found = await asyncio.to_thread(usage, self._directory)
        self._used_bytes = found.total_bytes
        return found

    # --- showing ----------------------------------------------------------------------------------------------------

    async def report(self) -> Json:
        """What ``caesura store`` shows (documented in ``docs/cli-json.md``)."""
        found = await self._measure()
        live = await self._look_up(Records.live_blobs)
        needed, snapshots = await asyncio.wrap_future(self._writer.submit(Records.snapshot_totals, durable=False))
        live_bytes = sum(size for name, size in found.sizes.items() if name in live)
        return {
            "directory": str(self._directory),
            "bytes": found.total_bytes,
            "blobs": len(found.sizes),
            "live_bytes": live_bytes,
            "snapshots": snapshots,
            "snapshot_bytes": needed,
            "shared_fraction": max(0.0, 1 - live_bytes / needed) if needed else 0.0,
            "quota_bytes": self._limits.quota_bytes,
            "max_age_s": self._limits.max_age_s,
            "free_bytes": shutil.disk_usage(self._directory).free,
            "reserve_bytes": RESERVE_BYTES,
            "collected_at": self._collected_at,
            "freed_bytes": self._freed_bytes,
        }
