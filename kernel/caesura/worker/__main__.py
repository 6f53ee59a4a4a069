"""``python -m caesura.worker --worker-id W``: a worker without a zygote. With ``--trial FD``: what it asks to see
whether a snapshot can be loaded."""

from __future__ import annotations

import argparse
import socket
import sys

from caesura.worker.start import run_worker
from caesura.worker.warm import make_warm


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m caesura.worker")
    parser.add_argument("--worker-id", default="")
    parser.add_argument("--trial", type=int)
    options = parser.parse_args()
    if options.trial is not None:
        from caesura.worker.trial import run_trial

        run_trial(make_warm(), socket.socket(fileno=options.trial))
    return run_worker(options.worker_id, make_warm())


if __name__ == "__main__":
    sys.exit(main())
