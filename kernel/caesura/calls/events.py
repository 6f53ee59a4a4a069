"""Events from outside: an approval, a finished upload, sent with ``caesura events send``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from caesura.calls.backend import ready
from caesura.calls.call import Call, begin
from caesura.errors import UsageError
from caesura.model import CallKind


def event(name: str, schema: Mapping[str, Any] | bool | None = None, timeout: float | None = None) -> Call[Any]:
    """Wait until somebody sends the event ``name``: ``value = await caesura.event("approval")``.

    The value is JSON; with ``schema`` (a JSON schema) a sender whose value does not fit is told so, and the cell waits
    on. An event that is answered with an error raises CallFailed, one that does not come within ``timeout`` seconds
    TimeoutError.
    """
    if not isinstance(name, str) or not name:
        raise UsageError(f"An event has a name that is not empty; it got {name!r}.")
    if timeout is not None and (
        isinstance(timeout, bool) or not isinstance(timeout, int | float) or math.isnan(timeout)
    ):
        raise UsageError(f"timeout is {timeout!r}; it has to be a number of seconds, or None.")
    try:
        options = {"schema": json.loads(json.dumps(schema)), "timeout": timeout}
    except (TypeError, ValueError) as error:
        raise UsageError(f"The schema of the event {name!r} is not JSON: {error}") from error
    label = f"event {name!r}"
    backend, loop = ready(label)
    call = begin(backend, loop, CallKind.EVENT, f"event:{name}", label, options=options)
    if timeout is not None:
        call.expire_in(max(0.0, timeout))
    return call


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
