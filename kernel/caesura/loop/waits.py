"""What a blocked loop waits for: from the futures and timers of asyncio to one condition.

What lives here: the walk from what can complete by itself (operations, timers) along asyncio's callbacks to what would
run code of the user. What must not: looking at threads, descriptors and processes (:mod:`caesura.loop.obstacles`).

A *consumer* is a piece of the user's code that a future or a timer makes ready: a step of a task, or a callback. The
session has to come back as soon as one of them is ready, and not before: counting callbacks alone do not wake it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from caesura.loop.callbacks import (
    ExecutorJob,
    Future,
    GatheringFuture,
    Joint,
    Passes,
    UserCode,
    is_relay,
    reaction_of,
    timer_label,
    timer_target,
)
from caesura.loop.wake import NEVER, all_of, any_of
from caesura.model import AllOf, AnyOf, AtTime, CallKind, OnOp, Wait, Wake


@dataclass(frozen=True, slots=True)
class Awaited:
    """The condition, its leaves, and the number of executor jobs among what is awaited."""

    wake: Wake
    waits: tuple[Wait, ...]
    executor_jobs: int


@dataclass(slots=True)
class _Group:
    joint: Joint
    members: list[Future] = field(default_factory=list)


class _Walk:
    """One analysis. ``to_wall`` is what has to be added to the loop's time to get wall time."""

    def __init__(
        self,
        tasks: Iterable[asyncio.Task[Any]],
        timers: Iterable[asyncio.TimerHandle],
        operations: dict[int, Wait],
        futures: Iterable[Future],
        to_wall: float,
    ) -> None:
        self._operations = operations
        self._to_wall = to_wall
        self._groups: dict[int, _Group] = {}
        self._completers: dict[int, list[Wake | Future | _Group]] = {}
        self._conditions: dict[int, Wake] = {}
        self._relays: set[int] = set()
        self._seen: dict[int, Future] = {}
        self._consumers: list[Wake | Future | _Group] = []
        self.executor_jobs = 0
        self.labels: dict[float, str] = {}
        self._collect(tasks, timers, futures)

    def _collect(
        self, tasks: Iterable[asyncio.Task[Any]], timers: Iterable[asyncio.TimerHandle], futures: Iterable[Future]
    ) -> None:
        found: list[Future] = [*futures]
        for task in tasks:
            if task.done():
                continue
            found.append(task)
            waited: Future | None = cast("Any", task)._fut_waiter
            if waited is None:
                continue
            found.append(waited)
            if is_relay(task):
                self._relays.add(id(task))
                self._completers.setdefault(id(task), []).append(waited)
            else:
                self._consumers.append(waited)
        for handle in timers:
            if handle.cancelled():
                continue
            due = handle.when() + self._to_wall
            self.labels.setdefault(due, timer_label(handle))
            target = timer_target(handle)
            if target is None:
                self._consumers.append(AtTime(due))
            else:
                self._completers.setdefault(id(target), []).append(AtTime(due))
                found.append(target)
        for future in found:  # grows while it is walked
            if id(future) not in self._seen and not future.done():
                self._seen[id(future)] = future
                found.extend(self._follow(future))

    def _follow(self, future: Future) -> Iterator[Future]:
        """Note what the callbacks of ``future`` do, and give the futures that they complete."""
        if type(future) is GatheringFuture:
            yield from cast("Any", future)._children
        for callback, _context in cast("Any", future)._callbacks or ():
            match reaction_of(callback):
                case Passes(to):
                    self._completers.setdefault(id(to), []).append(future)
                    yield to
                case Joint() as joint:
                    target = self._join(joint, future)
                    if target is not None:
                        yield target
                case UserCode():
                    self._consumers.append(future)
                case ExecutorJob():
                    self.executor_jobs += 1

    def _join(self, joint: Joint, member: Future) -> Future | None:
        group = self._groups.get(joint.key)
        if group is not None:
            group.members.append(member)
            return None
        group = self._groups[joint.key] = _Group(joint, [member])
        if joint.completes is not None:
            self._completers.setdefault(id(joint.completes), []).append(group)
        elif joint.rule == "all or first failure":
            # A task group whose body still runs: a failing child cancels it. Its children are not all it waits for.
            self._consumers.append(group)
        return joint.completes

    def wake(self) -> Wake:
        """The condition under which any consumer is ready."""
        return any_of(self._condition(consumer) for consumer in self._consumers)

    def _condition(self, source: Wake | Future | _Group) -> Wake:
        if isinstance(source, AnyOf | AllOf | AtTime | OnOp):
            return source
        if isinstance(source, _Group):
            return self._group_condition(source)
        known = self._conditions.get(id(source))
        if known is None:
            self._conditions[id(source)] = NEVER  # a future that waits for itself waits for ever
            known = self._conditions[id(source)] = self._future_condition(source)
        return known

    def _group_condition(self, group: _Group) -> Wake:
        joint = group.joint
        parts = [self._condition(member) for member in group.members]
        if joint.rule == "first":
            return any_of(parts)
        if joint.completes is None or (joint.missing is not None and joint.missing > len(parts)):
            parts.append(NEVER)
        return all_of(parts, fail_fast=joint.rule == "all or first failure")

    def _future_condition(self, future: Future) -> Wake:
        if future.done():
            return NEVER
        wait = self._operations.get(id(future))
        if wait is not None:
            return OnOp(wait.op_id)
        if isinstance(future, asyncio.Task) and id(future) not in self._relays:
            return NEVER  # it ends in a step of its own, which is a consumer itself
        return any_of(self._condition(part) for part in self._completers.get(id(future), ()))


def analyse(
    tasks: Iterable[asyncio.Task[Any]],
    timers: Iterable[asyncio.TimerHandle],
    operations: dict[str, tuple[Future, Wait]],
    *,
    to_wall: float,
    since: float,
) -> Awaited:
    """What a loop with these tasks, timers and operations waits for, when nothing is ready.

    ``to_wall`` + loop time = wall time. ``since`` (wall time) is when the block began; timers get it as theirs.
    """
    pending = {id(future): wait for future, wait in operations.values() if not future.done()}
    walk = _Walk(tasks, timers, pending, [future for future, _ in operations.values()], to_wall)
    wake = walk.wake()
    waits: dict[object, Wait] = {}
    for leaf in _leaves(wake):
        if isinstance(leaf, OnOp):
            waits[leaf.op_id] = operations[leaf.op_id][1]
        elif isinstance(leaf, AtTime):
            label = walk.labels.get(leaf.due, "a timer")
            waits[leaf.due] = Wait("", CallKind.TIMER, "timer", label, since, leaf.due)
    return Awaited(wake, tuple(waits.values()), walk.executor_jobs)


def _leaves(wake: Wake) -> Iterator[OnOp | AtTime]:
    if isinstance(wake, AnyOf | AllOf):
        for part in wake.parts:
            yield from _leaves(part)
    else:
        yield wake
