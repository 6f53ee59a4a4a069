"""A stub that has nothing to do: ``python -I -S asleep.py FD PARENT LOOK_MS EXECUTABLE ARGUMENT...``.

One such process exists per notebook, for hours. It waits for a byte on the coordinator's socket, a signal or the end of
its parent, and becomes the stub again (``EXECUTABLE ARGUMENT...``), which reads the byte. Without modules of Python's
own library it takes a third of the stub's memory, so nothing is imported here that is not built in.

SIGINT and SIGTERM are blocked when it begins and when it ends; those that came stand in ``CAESURA_STUB_SIGNALS``.
"""

import _signal  # type: ignore[import-not-found]  # without the enumerations of signal
import posix
import select
import sys

SIGNALS = _signal.SIGINT, _signal.SIGTERM


def main() -> None:
    """Wait, then be another program."""
    descriptor, parent, look_ms = map(int, sys.argv[1:4])
    came: list[int] = []
    wake, noted = posix.pipe()
    for end in (wake, noted):
        posix.set_blocking(end, False)
        posix.set_inheritable(end, False)
    _signal.set_wakeup_fd(noted)
    for number in SIGNALS:
        _signal.signal(number, lambda number, _frame: came.append(number))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, SIGNALS)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while not poll.poll(look_ms if parent else None) and posix.getppid() == parent:
        pass
    _signal.pthread_sigmask(_signal.SIG_BLOCK, SIGNALS)
    variables = {**posix.environ, b"CAESURA_STUB_SIGNALS": " ".join(map(str, came)).encode()}
    posix.execve(sys.argv[4], sys.argv[4:], variables)


main()
