"""The process in which ``snapshot.py`` measures: it makes data, saves it in several ways in turn, or loads it.

Reads one request (JSON) from its standard input and prints one answer (JSON). Nothing here compares.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from caesura.snapshot import Anchors, load, save, seal, warm_modules
from caesura.store.blobs import Blobs

KEY = b"k" * 32
MB = 1_000_000
WRITE_BYTES = 4 << 20
IOV_MAX = 1024

Namespace = dict[str, Any]


def arrays(megabytes: int) -> Namespace:
    """Half in four arrays, half in a frame if pandas is there."""
    import numpy

    rng = numpy.random.default_rng(1)
    count = megabytes * MB // 8 // 8
    made: Namespace = {f"array{i}": rng.random(count) for i in range(4)}
    with contextlib.suppress(ImportError):
        import pandas

        made["frame"] = pandas.DataFrame({f"c{i}": rng.random(count // 2) for i in range(8)})
        return made
    return made | {f"more{i}": rng.random(count) for i in range(4)}


def medium(megabytes: int) -> Namespace:
    """A list of arrays of 100 kB."""
    import numpy

    rng = numpy.random.default_rng(1)
    return {"many": [rng.integers(0, 255, 100_000, numpy.uint8) for _ in range(megabytes * 10)]}


def objects(thousands: int) -> Namespace:
    """A list of small tuples, dicts, strings and numbers: ``thousands`` thousand objects in all."""
    rows = thousands * 1000 // 5
    return {"rows": [{"id": i, "name": f"row {i}", "at": (i * 0.5, i)} for i in range(rows)]}


MAKE: dict[str, Callable[[int], Namespace]] = {"arrays": arrays, "medium": medium, "objects": objects}


def touch(data: Namespace, one: bool = False) -> None:
    """Change each array a little, so that nothing of it is stored already; or one of them."""
    for value in data.values():
        for array in value if isinstance(value, list) else [value]:
            if hasattr(array, "values") and not isinstance(array, dict):
                array.iloc[0] += 1.0
            elif hasattr(array, "dtype"):
                array[0] = 1 - array[0] % 2
            if one:
                return


# --- the ways to save ------------------------------------------------------------------------------------------------


def by_caesura(data: Namespace, folder: Path) -> dict[str, Any]:
    loop = asyncio.new_event_loop()
    blobs = Blobs(folder, KEY)
    namespace = {"__name__": "__main__", **data}
    saved = save(
        {"namespace": namespace, "operations": {}}, anchors=Anchors({}), loop=loop, blobs=blobs, aborted=lambda: False
    )
    loop.close()
    return {"manifest": saved.manifest, "bytes": saved.size_bytes}


def by_pickle(data: Namespace, folder: Path) -> dict[str, Any]:
    """Stock C pickle, protocol 5, buffers out of band; one ``writev`` (as far as the system allows) and one sync."""
    buffers: list[pickle.PickleBuffer] = []
    stream = pickle.dumps(data, 5, buffer_callback=buffers.append)
    parts = [memoryview(stream), *(buffer.raw() for buffer in buffers)]
    with _file(folder) as descriptor:
        for start in range(0, len(parts), IOV_MAX):
            _write_all(descriptor, parts[start : start + IOV_MAX])
    return {"bytes": sum(part.nbytes for part in parts)}


def _write_all(descriptor: int, parts: list[memoryview]) -> None:
    while parts:
        written = os.writev(descriptor, parts)
        while parts and written >= parts[0].nbytes:
            written -= parts.pop(0).nbytes
        if written:
            parts[0] = parts[0][written:]


def by_plain_write(data: Namespace, folder: Path) -> dict[str, Any]:
    """The limit: the same bytes, written and synced. Its time does not contain what makes them."""
    buffers: list[pickle.PickleBuffer] = []
    stream = pickle.dumps(data, 5, buffer_callback=buffers.append)
    parts = [memoryview(stream), *(buffer.raw() for buffer in buffers)]
    began = time.perf_counter()
    with _file(folder) as descriptor:
        for part in parts:
            for start in range(0, part.nbytes, WRITE_BYTES):
                _write_all(descriptor, [part[start : start + WRITE_BYTES]])
    return {"bytes": sum(part.nbytes for part in parts), "seconds": time.perf_counter() - began}


def by_cloudpickle(data: Namespace, folder: Path) -> dict[str, Any]:
    import cloudpickle

    with open(folder / "cloudpickle", "wb") as file:
        cloudpickle.dump(data, file)
        file.flush()
        os.fsync(file.fileno())
        return {"bytes": file.tell()}


def by_dill(data: Namespace, folder: Path) -> dict[str, Any]:
    import types

    import dill

    module = types.ModuleType("session")
    vars(module).update(data)
    path = folder / "dill"
    sys.modules["session"] = module
    try:
        dill.dump_module(str(path), module)
    finally:
        del sys.modules["session"]
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    return {"bytes": path.stat().st_size}


@contextlib.contextmanager
def _file(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        yield descriptor
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


WAYS: dict[str, Callable[[Namespace, Path], dict[str, Any]]] = {
    "caesura": by_caesura,
    "write + fsync": by_plain_write,
    "C pickle": by_pickle,
    "cloudpickle": by_cloudpickle,
    "dill": by_dill,
}


# --- what is asked for -----------------------------------------------------------------------------------------------


def warm_up(names: list[str]) -> None:
    """What a zygote does before it forks."""
    for name in names:
        with contextlib.suppress(ImportError):
            __import__(name)
    warm_modules.remember()
    gc.collect()
    gc.freeze()


def do_save(what: str, amount: int, ways: list[str], rounds: int, folder: Path) -> dict[str, Any]:
    """Save in each way, in turns; the seconds of each, and the manifest of the last save of Caesura's, which stays."""
    warm_up(["numpy", "pandas"])
    data = MAKE[what](amount)
    gc.collect()
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    said: dict[str, Any] = {}
    for count in range(rounds):
        for way in ways:
            touch(data)
            place = folder / way.replace(" ", "")
            place.mkdir(parents=True, exist_ok=True)
            began = time.perf_counter()
            answer = WAYS[way](data, place)
            seconds[way].append(answer.get("seconds", time.perf_counter() - began))
            said |= {"bytes": answer["bytes"]} if way == "caesura" else {}
            if way == "caesura" and count == rounds - 1:
                said["manifest"] = answer["manifest"]
            else:
                _remove(place)
    return {"seconds": seconds, **said}


def do_load(manifest: dict[str, Any], folder: Path, is_verified: bool, warm: list[str]) -> dict[str, Any]:
    """Load; then save unchanged, and with one array changed. ``warm`` is imported before, as a zygote does."""
    warm_up(warm)
    loop = asyncio.new_event_loop()
    blobs = Blobs(folder / "caesura", KEY)
    if is_verified:
        manifest = seal({**manifest, "proofs": {}}, blobs)
    namespace: Namespace = {}
    anchors = Anchors({"namespace": namespace})
    began = time.perf_counter()
    load(manifest, anchors=anchors, loop=loop, blobs=blobs)
    seconds = {"load": time.perf_counter() - began}

    def save_again() -> float:
        began = time.perf_counter()
        root = {"namespace": namespace, "operations": {}}
        save(root, anchors=Anchors({}), loop=loop, blobs=blobs, aborted=lambda: False)
        return time.perf_counter() - began

    seconds["maps"] = float(_count_maps())
    seconds["descriptors"] = float(len(os.listdir("/proc/self/fd"))) if os.path.isdir("/proc/self/fd") else 0.0
    seconds["unchanged"] = save_again()
    touch({name: value for name, value in namespace.items() if not name.startswith("__")}, one=True)
    seconds["one changed"] = save_again()
    loop.close()
    return {"seconds": seconds}


def _count_maps() -> int:
    try:
        with open("/proc/self/maps", encoding="utf-8") as lines:
            return sum(1 for _ in lines)
    except OSError:
        return 0


def _remove(place: Path) -> None:
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


if __name__ == "__main__":
    request = json.loads(sys.stdin.read())
    request["folder"] = Path(request["folder"])
    print(json.dumps({"save": do_save, "load": do_load}[request.pop("do")](**request)))
