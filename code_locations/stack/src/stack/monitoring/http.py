"""HTTP for health checks: one request, and what went wrong in words without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from stack.errors import StackError

# Below the checks' own deadline, so that a hanging server is named as one.
TIMEOUT_S = 8.0
_LONGEST_BODY = 65536


class NoAnswerError(StackError):
    """A server gave no HTTP answer; the message says how, and holds no secret."""


@dataclass(frozen=True)
class Answer:
    """Status and the first 64 KiB of an answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body, parsed; None if it isn't JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def request(
    url: str,
    *,
    token: SecretStr | None = None,
    body: Mapping[str, Any] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """GET `url` with a bearer token, or POST `body` to it as JSON. Raises NoAnswerError.

    `timeout_s` limits the connection and each wait for bytes; the check's deadline limits all.
    """
    import requests
    from requests.auth import AuthBase

    class Bearer(AuthBase):
        # As auth and not as a header, or requests would prefer what a .netrc says.
        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            if token is not None:
                request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
            return request

    try:
        with requests.request(
            "GET" if body is None else "POST",
            url,
            auth=Bearer(),
            json=body,
            timeout=timeout_s,
            stream=True,
        ) as response:
            content = response.raw.read(_LONGEST_BODY, decode_content=True)
            return Answer(response.status_code, content)
    except Exception as error:  # urllib3's errors come through while the body is read
        raise NoAnswerError(_reason(error, timeout_s)) from None


def shown(url: str) -> str:
    """`url` without user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def _reason(error: Exception, timeout_s: float) -> str:
    import requests
    import urllib3

    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate is not accepted"
    cause = _system_error(error)
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    if cause is not None and cause.strerror:
        return cause.strerror.lower()
    return f"no HTTP answer ({type(error).__name__})"


def _system_error(error: BaseException | None) -> OSError | None:
    """The error of the operating system at the bottom of what requests raised."""
    seen: set[int] = set()
    found = None
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno is not None:
            found = error
        inner = [a for a in error.args if isinstance(a, BaseException)]
        reason = getattr(error, "reason", None)
        error = next(
            (e for e in (reason, *inner, error.__cause__, error.__context__)
             if isinstance(e, BaseException)),
            None,
        )  # fmt: skip
    return found
