"""Cells that leave their worker while they wait."""

__version__ = "0.1.0"
