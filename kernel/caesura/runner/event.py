"""An event that a cell waits for and somebody outside sends: an approval, a finished upload.

What lives here: its options, what may be sent, and the answer's bytes. Values are plain JSON, so that pickling them
here needs nothing of the user's, and nothing is ever unpickled.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from typing import Any

from caesura.errors import UsageError
from caesura.runner.answer import Answer

KEY_PREFIX = "event:"


def name_of(key: str) -> str:
    """The event's name in an operation's key (``event:NAME``)."""
    return key.removeprefix(KEY_PREFIX)


def check_schema(options: Mapping[str, Any]) -> None:
    """UsageError if the schema that the cell gave is none."""
    schema = options.get("schema")
    if schema is None:
        return
    jsonschema = _jsonschema()
    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except (jsonschema.SchemaError, TypeError, AttributeError) as error:
        said = error.message if isinstance(error, jsonschema.SchemaError) else str(error)
        raise UsageError(f"The schema of the event is not a JSON schema: {said}") from error


def check_value(name: str, options: Mapping[str, Any], value: object) -> None:
    """UsageError, which says where and why, if ``value`` does not fit the schema that the cell gave."""
    schema = options.get("schema")
    if schema is None:
        return
    jsonschema = _jsonschema()
    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError as error:
        at = "".join(f"[{part!r}]" for part in error.absolute_path)
        raise UsageError(f"The value does not fit what waits for {name!r}: value{at}: {error.message}") from error


def answer(value: object) -> Answer:
    """The event came with ``value`` (JSON)."""
    return Answer(True, pickle.dumps(value, protocol=5))


def failure(name: str, text: str) -> Answer:
    """The event was answered with an error."""
    return Answer(False, text=text or f"The event {name!r} was answered with an error.")


def nobody_waits(name: str, waiting: list[str]) -> UsageError:
    """The error for a sender when no cell waits for ``name``."""
    if not waiting:
        return UsageError(f"No cell waits for the event {name!r}, or for any other.")
    names = ", ".join(repr(other) for other in sorted(set(waiting)))
    return UsageError(f"No cell waits for the event {name!r}. Cells wait for: {names}.")


def _jsonschema() -> Any:
    """The library, imported for the first event that has a schema: the first kernel of a home would wait for it.

    It imports rfc3987_syntax, if that is there, to check formats, which is not done here: that builds a grammar and
    takes two seconds.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import jsonschema

    return jsonschema
