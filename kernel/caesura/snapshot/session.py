"""A live session into the store, and back.

The stream holds, in this order: what imports depend on; the functions, classes, modules and plain values of the
namespace; its other variables; the rest of the root; other state of the interpreter; the states that were put off.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from caesura import points
from caesura.errors import CannotMove, SaveAborted, SnapshotRefused
from caesura.snapshot import archive, beside, interpreter, loop_state, seeds
from caesura.snapshot.archive import Saved
from caesura.snapshot.pickler import ObjectPickler, Stream
from caesura.snapshot.quiet import quiet
from caesura.snapshot.reducing import Reducer, is_a
from caesura.snapshot.restoring import CallbackOrders, Restoring
from caesura.snapshot.seeds import Anchors
from caesura.store.blobs import Blobs

KEPT_BYTES: Final = 128 << 10
"""A stream up to this size is not worth a file: to sync a file and its directory takes longer than to save it."""

_SESSION: Final = "session"
_FIRST: Final = (types.FunctionType, type, types.ModuleType, int, float, str, bool, bytes, type(None))

# Bound here: a notebook may replace them in their module.
_dumps: Final = pickle.dumps
_load: Final = pickle.load


@dataclass(frozen=True)
class LoadedSession:
    """A session that was loaded: all tasks are there and about to take up their waits.

    ``orders``: for each future that had callbacks, in which order. ``operations``: what ``root`` has under that name.
    ``notices``: what the user has to be told. ``begin()`` has to be called before code of the user runs: it puts in
    place what the user had replaced in modules.
    """

    root: dict[str, Any]
    orders: CallbackOrders
    operations: Any
    notices: tuple[str, ...] = ()
    begin: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Serialised:
    """A session as bytes: the stream, and memory of the session itself, which must not change until it is stored.
    ``names`` are those of the seeds, ``reducers`` those of the types of its objects, ``beside`` what it sets in the
    interpreter and in modules."""

    stream: bytes
    buffers: list[memoryview]
    names: list[str]
    reducers: Mapping[type, Reducer | None] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


def save(
    root: Mapping[str, Any],
    *,
    anchors: Anchors,
    loop: Any,
    blobs: Blobs,
    aborted: Callable[[], bool],
    about: Mapping[str, Any] | None = None,
    room_bytes: int | None = None,
) -> Saved:
    """:func:`serialise`, then :func:`store`."""
    serialised = serialise(root, anchors=anchors, loop=loop, aborted=aborted)
    return store(serialised, blobs=blobs, aborted=aborted, about=about or {}, room_bytes=room_bytes)


def serialise(root: Mapping[str, Any], *, anchors: Anchors, loop: Any, aborted: Callable[[], bool]) -> Serialised:
    """The session as bytes. Nothing of it has changed then.

    ``root["namespace"]`` is the live dict of the notebook, ``root["early"]`` plain values for who prepares a load.
    SaveAborted as soon as ``aborted`` is true; CannotMove if something in it cannot be saved (:func:`explain` finds
    out what).
    """
    points.reach("prepare.before_serialise")
    stream = Stream(aborted)
    states = _states(root)
    with quiet():
        pickler, names = _dump(root, states, anchors, loop, stream)
    found = Serialised(stream.take(), pickler.buffers, names, pickler.reducers, _beside(*states))
    points.reach("prepare.after_serialise")
    return found


def store(
    serialised: Serialised,
    *,
    blobs: Blobs,
    aborted: Callable[[], bool],
    about: Mapping[str, Any],
    room_bytes: int | None = None,
    keeps_stream: bool = False,
) -> Saved:
    """Store the session; everything of it is on disk when this returns. With ``keeps_stream``, that is not so for
    the stream of a small session: it is in the result, to be written with what else there is to write, and given to
    :func:`load` with the manifest.

    ``about`` are further entries of the manifest (JSON). SaveAborted as soon as ``aborted`` is true; StoreFull if more
    than ``room_bytes`` would have to be written, or more than the disk takes.
    """
    data, buffers, names = serialised.stream, serialised.buffers, serialised.names
    kept = data if keeps_stream and len(data) <= KEPT_BYTES else None
    if kept is None:
        refs = blobs.put([data, *buffers], aborted, room_bytes=room_bytes)
    else:
        refs = [blobs.ref_without_file(kept, room_bytes), *blobs.put(buffers, aborted, room_bytes=room_bytes)]
    points.reach("prepare.after_put")
    used = {str(place): names[place] for place in seeds.used(names, data)}
    seeded = {"count": len(names), "used": used}
    return archive.make(blobs, refs[0], refs[1:], seeded, serialised.reducers, serialised.beside, about, kept)


def rehearse(root: Mapping[str, Any], *, anchors: Anchors, loop: Any) -> None:
    """Do what :func:`save` does, and store nothing: the first save of a forked process is slow, because each page that
    it touches has to be copied."""
    states = _states(root)
    stream = Stream(lambda: False)
    with quiet():
        _pickler, names = _dump(root, states, anchors, loop, stream)
    seeds.used(names, stream.take())


def _states(root: Mapping[str, Any]) -> tuple[Any, ...]:
    early = {**interpreter.capture(early=True), _SESSION: root.get("early")}
    return early, interpreter.capture(early=False), beside.capture(root["namespace"])


def _beside(early: Mapping[str, Any], late: Mapping[str, Any], modules: Mapping[str, Any]) -> tuple[str, ...]:
    return (*interpreter.settings_in(early), *interpreter.settings_in(late), *beside.patches_in(modules))


def _dump(
    root: Mapping[str, Any], states: tuple[Any, ...], anchors: Anchors, loop: Any, stream: Stream
) -> tuple[ObjectPickler, list[str]]:
    """Write the session into ``stream``; the pickler, with its buffers, and the names of the seeds."""
    namespace: dict[str, Any] = root["namespace"]
    named = Anchors({"loop": loop, **anchors.by_name, "namespace": namespace})
    seeded = seeds.collect(named, namespace)
    pickler = ObjectPickler(stream, loop=loop, seeds=seeded)
    first = {name: value for name, value in namespace.items() if is_a(value, _FIRST)}
    second = {name: value for name, value in namespace.items() if name not in first}
    rest = {key: value for key, value in root.items() if key not in ("namespace", "early")}
    early, *late = states
    try:
        stream.write(_dumps(early, 5))  # a pickle of its own: it is read before the seeds are there
        pickler.dump_all([list(namespace), first, second, rest, loop_state.capture(loop), late])
    except (SaveAborted, CannotMove):
        raise
    except RecursionError as error:
        remedy = "Make it flatter, for instance a list of its parts, or drop it before the await."
        raise CannotMove("data that is nested too deeply", remedy=remedy) from error
    except Exception as error:
        raise CannotMove("something in this session", remedy=f"{type(error).__name__}: {error}") from error
    return pickler, seeded.names


class _SessionUnpickler(pickle.Unpickler):
    def __init__(self, stream: bytes, buffers: list[memoryview], seeded: Mapping[int, Any]) -> None:
        super().__init__(io.BytesIO(stream), buffers=buffers)
        self._seeded = seeded

    def persistent_load(self, place: int) -> object:
        return self._seeded[place]


def load(
    manifest: Mapping[str, Any],
    *,
    anchors: Anchors,
    loop: Any,
    blobs: Blobs,
    stream: bytes | bytearray | memoryview | None = None,
    prepare: Callable[[Any], Anchors] | None = None,
) -> LoadedSession:
    """The session of ``manifest``, in this process; ``stream`` if it is in no blob.

    ``prepare(root["early"])`` is called when imports work as they did there, and gives the anchors that there are now.
    The namespace's contents are put into ``anchors.by_name["namespace"]``. Nothing that was suspended runs before the
    loop does; the loop must not be running a task. SnapshotRefused if it cannot be loaded: nothing that was suspended
    runs in that case either, and this process has to go.
    """
    stream_ref, buffer_refs = archive.check(manifest, blobs)
    if stream is None:
        stream = blobs.map(stream_ref)
    else:
        blobs.check(stream_ref, stream)
    buffers = blobs.map_all(buffer_refs, proofs=manifest["proofs"])
    points.reach("load.after_read")
    restoring = Restoring(loop)
    try:
        with restoring.under_way():
            file = io.BytesIO(stream)
            early = _load(file)
            interpreter.restore(early)
            if prepare is not None:
                anchors = prepare(early.get(_SESSION))
            with quiet():
                session, (late, modules) = _read(manifest["seeds"], file, buffers, anchors, restoring)
            notices, begin = beside.restore(modules)
            interpreter.restore(late)
            changed = archive.changed_since(manifest)
            if changed:
                notices.append(f"This session was saved with other versions: {', '.join(changed)}.\n")
            return replace(session, notices=tuple(notices), begin=begin)
    except SnapshotRefused:
        raise
    except Exception as error:
        text = f"This snapshot cannot be loaded: {type(error).__name__}: {error}"
        changed = archive.changed_since(manifest)
        if changed:
            text += f". It was made with other versions: {', '.join(changed)}."
        raise SnapshotRefused(text) from error


def _read(
    seeded: Mapping[str, Any], file: io.BytesIO, buffers: list[memoryview], anchors: Anchors, restoring: Restoring
) -> tuple[LoadedSession, list[dict[str, Any]]]:
    """The session, and the states of the interpreter and of modules that are still to be set."""
    namespace: dict[str, Any] = anchors.by_name["namespace"]  # type: ignore[assignment]
    named = Anchors({"loop": restoring.loop, **anchors.by_name})
    found = seeds.resolve({int(place): name for place, name in seeded["used"].items()}, named)
    preamble = seeds.preamble(seeded["count"], found)
    unpickler = _SessionUnpickler(b"".join((preamble, file.getbuffer()[file.tell() :])), buffers, found)
    unpickler.load()
    order: list[str] = unpickler.load()
    for _ in ("first", "second"):
        namespace.update(unpickler.load())
    rest = unpickler.load()
    restoring.loop_state = unpickler.load()
    late = unpickler.load()
    while (entries := unpickler.load()) is not None:
        restoring.take(entries)
    values = [(name, namespace[name]) for name in order]
    namespace.clear()
    namespace.update(values)
    restoring.commit()
    root = {"namespace": namespace, **rest}
    return LoadedSession(root, restoring.orders, rest.get("operations", {})), late
