"""``python -m caesura``: the kernel that Jupyter starts if it is given a connection file, else the command line."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """The exit code. Options come first for a kernel (``-f FILE``), a subcommand for the command line."""
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]  # -m puts the notebook's directory first: a json.py in it must not become our json
    from caesura import stub

    arguments = sys.argv[1:]
    if arguments and arguments[0].startswith("-") and stub.connection_file(arguments) is not None:
        return stub.main(arguments)
    from caesura.cli.command import main as command_line

    return command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
