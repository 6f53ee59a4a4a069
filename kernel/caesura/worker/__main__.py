"""``python -m caesura.worker --worker-id W``: a worker without a zygote."""

from __future__ import annotations

import argparse
import sys

from caesura.worker.start import run_worker
from caesura.worker.warm import make_warm


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m caesura.worker")
    parser.add_argument("--worker-id", required=True)
    return run_worker(parser.parse_args().worker_id, make_warm())


if __name__ == "__main__":
    sys.exit(main())
