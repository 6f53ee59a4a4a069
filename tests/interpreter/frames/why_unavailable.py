"""Run in a process of its own: print why frames cannot be moved by this interpreter, or None."""

import sys

from caesura import frames

sys.stdout.write(f"{frames.unavailable_reason()}\n")
