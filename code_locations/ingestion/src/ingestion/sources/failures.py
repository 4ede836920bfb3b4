"""Why a table can't be read, on one line, of whatever dlt, a driver or a client raised."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from stack.errors import StackError, reason

_SHOWN = 100
_NEXT_STEPS = {
    401: "check auth, and whether its secret is still valid",
    403: "check auth, and what its owner may read",
    404: "check base_url and path",
    410: "check base_url and path",
    429: "it takes no more requests for now; the next run tries again",
}


def told(error: BaseException) -> str:
    """The root cause, and the next step where one is known."""
    from dlt.extract.incremental.exceptions import IncrementalCursorInvalidCoercion

    asked = None
    while not isinstance(error, StackError) and (error.__cause__ or error.__context__):
        if isinstance(error, IncrementalCursorInvalidCoercion):
            if error.cursor_value is None:
                return f"the cursor {error.cursor_path}: {error.__cause__}; name another, or none"
            return (
                f"the cursor {error.cursor_path} has {error.item!r} after {error.cursor_value!r}, "
                "and nothing says which is later; name another cursor, or none"
            )
        asked = asked or getattr(error, "request", None)
        error = error.__cause__ or error.__context__ or error
    if isinstance(error, StackError):
        return str(error)
    first = next(iter(reason(error).splitlines()), "")
    if (response := getattr(error, "response", None)) is not None:
        return f"{first}{_said(response)}; {_next_step(response.status_code)}"
    if (asked := asked or getattr(error, "request", None)) is not None:
        address = urlsplit(str(asked.url))
        server = f"{address.scheme}://{address.hostname}"
        server += f":{address.port}" if address.port else ""
        return f"{server} gave no answer: {first}; check base_url, or wait until it is up"
    return f"{type(error).__name__}: {first}"


def _said(response: Any) -> str:
    """The beginning of what an API says itself, if that is JSON."""
    text = " ".join(str(response.text).split())
    if not text.startswith("{") or text == "{}":
        return ""
    return f", {text[:_SHOWN]}…" if len(text) > _SHOWN else f", {text}"


def _next_step(status: int) -> str:
    if status >= 500:
        return "the API failed; the next run tries again"
    return _NEXT_STEPS.get(status, "check path and params")
