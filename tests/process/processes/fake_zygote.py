"""A zygote without IPython: forks workers that wait to be killed, for the tests of the coordinator's side.

The variable FAKE says how it misbehaves: ``broken`` (an exception at start), ``silent`` (never ready). A worker ends by
itself with the status in its variable EXIT, if there is one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

from caesura.wire import Decoder, messages


def worker(env: dict[str, str], cwd: str) -> None:
    os.setsid()
    if record := env.get("RECORD"):
        temporary = Path(record + ".part")
        temporary.write_text(json.dumps({"env": env, "cwd": cwd, "pid": os.getpid(), "parent": os.getppid()}))
        temporary.rename(record)
    if "EXIT" in env:
        os._exit(int(env["EXIT"]))
    while True:
        signal.pause()


def main() -> None:
    if os.environ.get("FAKE") == "broken":
        raise ImportError("no spam in this environment")
    link = socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1]))
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, str] = {}
    decoder = Decoder()

    def send(message: messages.Message) -> None:
        link.sendall(b"".join(messages.pack(message)))

    send(messages.ZygoteReady(pid=os.getpid(), kernel_info={"cwd": os.getcwd(), "seed": os.environ["PYTHONHASHSEED"]}))
    while True:
        ready, _, _ = select.select([link, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 512)
        if link in ready:
            data = link.recv(1 << 16)
            if not data:
                sys.exit(0)
            for body, buffers in decoder.feed(data):
                fork = messages.unpack(body, buffers)
                assert isinstance(fork, messages.Fork)
                if fork.env.get("REFUSE"):
                    send(messages.ForkFailed(worker_id=fork.worker_id, reason=fork.env["REFUSE"]))
                    continue
                if fork.env.get("DIE_ONCE") and not os.path.exists(fork.env["DIE_ONCE"]):
                    Path(fork.env["DIE_ONCE"]).touch()
                    os._exit(3)
                pid = os.fork()
                if not pid:
                    signal.set_wakeup_fd(-1)
                    link.close()
                    worker(fork.env, fork.cwd)
                children[pid] = fork.worker_id
                send(messages.Forked(worker_id=fork.worker_id, pid=pid))
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            code = os.waitstatus_to_exitcode(status)
            send(messages.WorkerExited(worker_id=children.pop(pid), pid=pid, status=code))


main()
