"""All constructs in one table."""

from __future__ import annotations

import frame_constructs_errors
import frame_constructs_functions
from frame_constructs import CONSTRUCTS

# Importing these two puts their constructs into the table.
PARTS = (frame_constructs_errors, frame_constructs_functions)

__all__ = ["CONSTRUCTS"]
