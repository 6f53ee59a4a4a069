"""``python -m caesura``: the kernel that Jupyter starts if it is given a connection file, else the command line."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """The exit code. Options come first for a kernel (``-f FILE``), a subcommand for the command line."""
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]  # -m puts the notebook's directory first: a json.py in it must not become our json
    from caesura import config

    arguments = sys.argv[1:]
    kernel = config.kernel_connection_file(arguments) if arguments and arguments[0].startswith("-") else None
    if kernel is not None:
        file, rest = kernel
        from caesura import starting

        # A coordinator that has to be started imports for half a second: meanwhile the stub does.
        is_new = config.STUB_STATE not in os.environ and os.path.isfile(file)
        started = starting.begin(config.home_directory(os.environ), os.environ) if is_new else None
        from caesura import stub

        return stub.main(file, rest, started)
    from caesura.cli.command import main as command_line

    return command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
