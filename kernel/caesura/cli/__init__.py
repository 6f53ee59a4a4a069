"""The command ``caesura``."""

from caesura.cli.command import main

__all__ = ["main"]
