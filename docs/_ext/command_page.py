"""The command line as Markdown, from argparse: what `--help` prints, subcommand by subcommand."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

from caesura.cli.command import parser

_WIDTH = "80"


def markdown() -> str:
    """A heading and the help of each subcommand, in their order."""
    os.environ["COLUMNS"] = _WIDTH  # argparse asks the terminal
    os.environ["NO_COLOR"] = "1"
    return "\n\n".join(f"## `{each.prog}`\n\n```text\n{_help(each)}\n```" for each in _all(parser()))


def _help(each: argparse.ArgumentParser) -> str:
    return each.format_help().rstrip().replace(sys.prefix, "PREFIX")


def _all(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _all(each)
