"""The content of an execute_reply, as ipykernel 7 makes it."""

from __future__ import annotations

from typing import Any

from ipykernel.jsonutil import json_clean


def reply_content(
    kernel: Any, result: Any, failure: BaseException | None, expressions: dict[str, str] | None
) -> dict[str, Any]:
    """``failure`` is what ended the cell outside its statements, if anything did."""
    shell = kernel.shell
    error = failure
    if error is None and result is not None:
        error = result.error_before_exec if result.error_before_exec is not None else result.error_in_exec
    has_display_error = bool(getattr(shell, "_last_traceback_during_displayhook", False))
    content: dict[str, Any] = {"status": "ok"}
    if error is not None or result is None or has_display_error:
        content = {
            "status": "error",
            "traceback": shell._last_traceback or [],
            "ename": type(error).__name__,
            "evalue": str(error),
            "engine_info": {"engine_uuid": kernel.ident, "engine_id": kernel.int_id, "method": "execute"},
        }
    content["execution_count"] = shell.execution_count - 1
    content["user_expressions"] = shell.user_expressions(expressions or {}) if content["status"] == "ok" else {}
    # Read whatever happened: an error may come after a payload, and none may stay for the next cell.
    content["payload"] = shell.payload_manager.read_payload()
    shell.payload_manager.clear_payload()
    cleaned: dict[str, Any] = json_clean(content)
    return cleaned
