"""What cannot be moved is named: where it is, what it is, and what can be done."""

from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_notebook import PRELUDE, Notebook

from caesura.errors import CannotMove
from caesura.snapshot import explain

CASES = {
    "a connection as an attribute": (
        "import sqlite3\nclass Loader: pass\nloader = Loader(); loader._conn = sqlite3.connect(':memory:')",
        "await turn()",
        "loader → ._conn",
        "sqlite3.Connection",
        "Close it",
    ),
    "a connection behind a part that leads back to its owner": (
        "import sqlite3\nclass Part: pass\n"
        "loader = Part(); loader.part = Part(); loader.part.owner = loader; loader._conn = sqlite3.connect(':memory:')",
        "await turn()",
        "loader → ._conn",
        "sqlite3.Connection",
        "Close it",
    ),
    "an iterator of which nothing is known": (
        "import struct\nnumbers = struct.iter_unpack('<h', bytes(8))",
        "await turn()",
        "numbers",
        "_struct.unpack_iterator",
        "into a list",
    ),
    "a parser of which nothing is known": (
        "import xml.parsers.expat\nparser = xml.parsers.expat.ParserCreate()",
        "await turn()",
        "parser",
        "pyexpat.xmlparser",
        "Make it again after the await",
    ),
    "shared memory": (
        "from multiprocessing import shared_memory\n"
        "class Block(shared_memory.SharedMemory):\n    def __init__(self): pass\n    def close(self): pass\n"
        "blocks = [Block()]",
        "await turn()",
        "blocks → [0]",
        "Block",
        "Copy what is in it",
    ),
    "a thread that runs": (
        "import threading\nclass Waiting(threading.Thread):\n    def run(self): self.going.wait()\n"
        "threads = {'first': Waiting()}\n"
        "threads['first'].going = threading.Event(); threads['first'].start()",
        "await turn()",
        "threads → ['first']",
        "running thread",
        "join it before the await",
    ),
    "a child process": (
        "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)",
        "await turn()",
        "child",
        "subprocess.Popen",
        "Wait for the process",
    ),
    "a socket in a list in a dict": (
        "import socket\nthings = {'a': [1, socket.socket()]}",
        "await turn()",
        "things → ['a'] → [1]",
        "socket.socket",
        "Close it",
    ),
    "a local of a function that waits": (
        "import sqlite3\nasync def fetch():\n    conn = sqlite3.connect(':memory:')\n"
        "    await turn()\n    conn.close()",
        "await fetch()",
        "local conn of fetch() at cell 1, line 4",
        "sqlite3.Connection",
        "Close it",
    ),
    "a local of a task": (
        "import socket\nasync def work():\n    with socket.socket() as s:\n        await turn()",
        "task = asyncio.create_task(work()); await task",
        "local s of work() at cell 1, line 4",
        "socket.socket",
        "Close it",
    ),
    "a held lock in a closure": (
        "import threading\ndef make():\n    lock = threading.Lock(); lock.acquire()\n"
        "    return lambda: lock\nf = make()",
        "await turn()",
        "f (its variable lock)",
        "held threading.Lock",
        "Release it",
    ),
    "an iterator that nobody can make again": (
        "import re\nclass Parser: pass\nparser = Parser(); parser.scanner = re.compile('a').scanner('aaa')",
        "await turn()",
        "parser → .scanner",
        "_sre.SRE_Scanner",
        "into a list",
    ),
    "an iterator over the variables of a module": (
        "import json\nnames = iter(vars(json))",
        "await turn()",
        "names",
        "iterator over the contents of module json",
        "over a list",
    ),
    "a pipe": (
        "import os\nends = os.pipe()\nf = os.fdopen(ends[0])\nos.close(ends[1])",
        "await turn()",
        "f",
        "open file",
        "close it",
    ),
    "data that is nested too deeply": (
        "deep = []\nfor _ in range(100_000): deep = [deep]",
        "await turn()",
        "deep",
        "nested too deeply",
        "flatter",
    ),
    "a job in another thread": (
        "import threading, concurrent.futures\npool = concurrent.futures.ThreadPoolExecutor(1)\n"
        "go = threading.Event()\njob = pool.submit(go.wait)",
        "await turn()",
        "pool",
        "busy ThreadPoolExecutor",
        "when its jobs are done",
    ),
    "an awaitable that gives itself to the loop by hand": (
        "class Hand(asyncio.Future):\n    def __await__(self):\n        self._asyncio_future_blocking = True\n"
        "        yield self\n        return self.result()\nasync def waits():\n"
        "    global hand\n    hand = Hand()\n    await hand",
        "task = asyncio.create_task(waits(), name='by hand'); await task",
        "task",
        "wait of task by hand for __main__.Hand",
        "Await an asyncio.Future",
    ),
    "the value of a context variable": (
        "import contextvars, sqlite3\nvariable = contextvars.ContextVar('variable')\nasync def waits():\n"
        "    variable.set(sqlite3.connect(':memory:'))\n    try:\n        await turn()\n    finally:\n"
        "        variable.get().close()",
        "task = asyncio.create_task(waits()); await task",
        "value of context variable variable",
        "sqlite3.Connection",
        "Close it",
    ),
    "a lock on a file": (
        "import fcntl, tempfile\nf = tempfile.NamedTemporaryFile()\nfcntl.flock(f, fcntl.LOCK_EX)",
        "await turn()",
        "f → .file",
        "lock on the file",
        "Release it",
    ),
    "a hash half-way": (
        "import hashlib\nh = hashlib.sha256(b'a')",
        "await turn()",
        "h",
        "_hashlib.HASH",
        "digest",
    ),
    "an array over a file that changes only here": (
        "import numpy, tempfile\nf = tempfile.NamedTemporaryFile(); f.write(bytes(8)); f.flush()\n"
        "a = numpy.memmap(f.name, 'u1', 'c')",
        "await turn()",
        "a",
        "numpy.memmap in mode 'c'",
        "Copy it",
    ),
    "the future of a job that is not done": (
        "import concurrent.futures\njob = concurrent.futures.Future()\nasync def waits():\n"
        "    await asyncio.wrap_future(job)",
        "task = asyncio.create_task(waits()); await task",
        "job",
        "job in another thread",
        "when the job is done",
    ),
    "a handler of the loop's errors": (
        "import sqlite3\nclass Handler:\n    def __call__(self, loop, context): pass\n"
        "async def sets():\n    handler = Handler(); handler.conn = sqlite3.connect(':memory:')\n"
        "    asyncio.get_running_loop().set_exception_handler(handler)",
        "await sets(); await turn()",
        "exception handler of the loop → .conn",
        "sqlite3.Connection",
        "Close it",
    ),
    "what its own code refuses": (
        "class Stubborn:\n    def __reduce__(self):\n        raise ValueError('not me')\nx = [Stubborn()]",
        "await turn()",
        "x → [0]",
        "Stubborn",
        "register_reducer",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_named_with_its_path_and_a_remedy(name: str, tmp_path: Path) -> None:
    before, cell, path, kind, remedy = CASES[name]
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute(before)
    notebook.execute(cell)
    try:
        with pytest.raises(CannotMove) as failure:
            notebook.save()
        found = explain(failure.value, notebook.root(), notebook.anchors())
        assert (found.path, kind in found.kind, remedy in found.remedy) == (path, True, True), found
    finally:
        clean_up(notebook)
        notebook.forget()


def clean_up(notebook: Notebook) -> None:
    """Close what the case opened: an open descriptor fails the test that comes next."""
    namespace = notebook.namespace
    if "go" in namespace:
        namespace["go"].set()
    for name in ("f", "pool"):
        thing = namespace.get(name)
        if hasattr(thing, "close"):
            thing.close()
        elif hasattr(thing, "shutdown"):
            thing.shutdown()
    if "child" in namespace:
        namespace["child"].communicate()
    if "threads" in namespace:
        namespace["threads"]["first"].going.set()
        namespace["threads"]["first"].join()
    if "loader" in namespace:
        namespace["loader"]._conn.close()
    if "things" in namespace:
        namespace["things"]["a"][1].close()
    if "job" in namespace and "pool" not in namespace:
        namespace["job"].set_result(None)
    if "sets" in namespace:
        notebook.loop.get_exception_handler().conn.close()  # type: ignore[union-attr]
    if "hand" in namespace:
        namespace["hand"].set_result(None)
    if namespace.keys() & {"fetch", "work", "variable"}:
        notebook.step()
