"""What the server extension costs a Jupyter Server while cells change: the share of a core, by changes a second.

A coordinator that is made up here says what a real one would: a thousand cells, and ten times a second (its fastest)
which of them have changed. One page listens, and the server listens for its own events and metrics.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psutil
from kernels import progress
from tornado.websocket import websocket_connect

from caesura import config
from caesura.model import PROTOCOL
from caesura.wire import Decoder, messages

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from made_up_cells import CELLS, cell, news  # the tests of the panel have them too

PERIOD_S: Final = 0.1
TOKEN: Final = "benchmark"  # of a server that lives as long as this


class Coordinator:
    """As much of one as a server listens to."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.StreamWriter] = set()
        self._n, self._turn = 1, CELLS

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = Decoder()
        while data := await reader.read(1 << 16):
            for body, buffers in decoder.feed(data):
                match messages.unpack(body, buffers):
                    case messages.Hello():
                        self._send(writer, messages.Welcome(pid=os.getpid()))
                    case messages.Request(number=number, method="watch"):
                        cells = [cell(each, 0) for each in range(CELLS)]
                        self._send(
                            writer, messages.Reply(number=number, result=news(1, cells, time.time(), is_whole=True))
                        )
                        self._listeners.add(writer)
        self._listeners.discard(writer)
        writer.close()

    def change(self, count: int) -> None:
        """The next ``count`` cells change."""
        self._n += 1
        cells = [cell(turn % CELLS, turn // CELLS) for turn in range(self._turn, self._turn + count)]
        self._turn += count
        event = messages.Event(name="change", data=news(self._n, cells, time.time(), is_whole=False))
        for writer in self._listeners:
            self._send(writer, event)

    def _send(self, writer: asyncio.StreamWriter, message: messages.Message) -> None:
        writer.writelines(messages.pack(message))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="how long to look at each rate (default: %(default)s)"
    )
    parser.add_argument(
        "--rates", type=int, nargs="+", default=[10, 100, 1000], help="changes of cells a second (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="caesura-stream-") as folder:
        shares = asyncio.run(measure(Path(folder), options.rates, options.seconds))
    if options.json:
        print(json.dumps(shares))
        return 0
    for rate, share in shares.items():
        name = "a server where nothing changes" if rate == 0 else f"{rate} changes of cells a second"
        print(f"{name:<40}{share:8.2%} of a core")
    return 0


async def measure(folder: Path, rates: Sequence[int], seconds: float) -> dict[int, float]:
    """The share of a core that the server takes at each rate; 0 is among them."""
    home = folder / "home"
    config.make_private(home)
    config.make_private(config.run_directory(home))
    coordinator = Coordinator()
    path = config.socket_path(home)
    listening = await asyncio.start_unix_server(coordinator.serve, path=str(path))
    config.write_connection(home, {"pid": os.getpid(), "socket": str(path), "protocol": PROTOCOL, "version": "0"})
    server = await start_server(folder, home)
    try:
        url = await address_of(folder)
        page = await websocket_connect(f"{url.replace('http', 'ws', 1)}caesura/api/stream?token={TOKEN}")
        reading = asyncio.create_task(read(page))
        while coordinator.listeners < 2:
            await asyncio.sleep(0.05)
        shares = {}
        with progress(len(rates) + 1, "rates") as done:
            for count, rate in enumerate([0, *rates]):
                shares[rate] = await share_of(server.pid, coordinator, rate, seconds)
                done(count + 1)
        reading.cancel()
        page.close()
        return shares
    finally:
        server.terminate()
        await server.wait()
        listening.close()


async def share_of(pid: int, coordinator: Coordinator, rate: int, seconds: float) -> float:
    process = psutil.Process(pid)
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    while time.monotonic() < began + seconds:
        if rate:
            coordinator.change(max(1, round(rate * PERIOD_S)))
        await asyncio.sleep(PERIOD_S)
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


async def start_server(folder: Path, home: Path) -> asyncio.subprocess.Process:
    """A server over an empty directory, with the extension and no other."""
    runtime = folder / "runtime"
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jupyter_server", f"--ServerApp.root_dir={folder}"),
        *("--ServerApp.jpserver_extensions=caesura_server=True", f"--CaesuraServer.home={home}"),
        *(f"--IdentityProvider.token={TOKEN}", "--ServerApp.port=0", "--ServerApp.port_retries=0"),
        *("--ServerApp.open_browser=False", "--ServerApp.allow_root=True"),
        env={**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(folder / "config")},
        stderr=asyncio.subprocess.DEVNULL,
    )


async def address_of(folder: Path) -> str:
    """Where it listens, once it does."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for file in (folder / "runtime").glob("jpserver-*.json"):
            found = json.loads(file.read_bytes() or b"{}")
            if found.get("url"):
                return str(found["url"])
        await asyncio.sleep(0.1)
    raise TimeoutError("the Jupyter Server did not start within 60 s")


async def read(page: Any) -> None:
    while await page.read_message() is not None:
        pass


if __name__ == "__main__":
    sys.exit(main())
