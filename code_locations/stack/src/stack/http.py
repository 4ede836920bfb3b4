"""HTTP requests bounded in time, size and tries; errors are one line without secrets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pydantic import SecretStr

from stack.errors import StackError
from stack.redaction import remember

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

TIMEOUT_S = 8.0
MAX_BYTES = 64 * 2**20
LONGEST_WAIT_S = 30.0


class NoAnswerError(StackError):
    """A server gave no usable HTTP answer; the message says why, and holds no secret."""


@dataclass(frozen=True)
class Answer:
    """A server's answer; header names are case-insensitive."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed; None if it isn't JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def passes(self) -> bool:
        """Whether the status may be different a little later."""
        return self.status in {408, 429} or self.status >= 500

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to be left alone."""
        text = self.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:15])
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())


@dataclass(frozen=True)
class Client:
    """Requests to one server, with a bearer token or a login, within limits.

    `timeout_s` limits connecting and each wait for bytes, `within_s` each try as a whole. With
    `same_host`, a redirect to another host is returned as the answer.

    A request that gets no answer, or a passing one, is repeated `retries` times. Waits double
    from `first_wait_s`, or are what the server asks for, up to a minute; `tell` gets a line each
    time.
    """

    token: SecretStr | None = None
    login: tuple[str, SecretStr] | None = None
    timeout_s: float = TIMEOUT_S
    within_s: float = float("inf")
    same_host: bool = False
    retries: int = 0
    first_wait_s: float = 1.0
    tell: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        for secret in filter(None, (self.token, self.login and self.login[1])):
            remember(secret.get_secret_value())

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer from `url`. Raises NoAnswerError."""
        return self.send("GET", url, headers=headers)

    def send(self, method: str, url: str, *, repeatable: bool = True, **parts: Any) -> Answer:
        """As `get`; `parts` are arguments of requests, such as `json` and `params`.

        A request that isn't `repeatable` is repeated only after a 429, which says nothing was done.
        """
        tried = 0
        while True:
            wait = min(self.first_wait_s * 2**tried, LONGEST_WAIT_S)
            last = tried >= self.retries
            try:
                answer = self._once(method, url, parts)
            except NoAnswerError as error:
                if last or not repeatable:
                    raise
                told = str(error)
            else:
                if last or not answer.passes or not (repeatable or answer.status == 429):
                    return answer
                told = f"it answered {answer.status} {answer.reason}".strip()
                wait = max(wait, min(answer.retry_after or 0.0, 2 * LONGEST_WAIT_S))
            self.tell(f"{told}; asking again in {wait:.1f} s")
            time.sleep(wait)
            tried += 1

    def _once(self, method: str, url: str, parts: Mapping[str, Any]) -> Answer:
        ends = time.monotonic() + self.within_s
        timeout_s = min(self.timeout_s, self.within_s)
        try:
            with (
                self._session() as session,
                session.request(method, url, timeout=timeout_s, stream=True, **parts) as response,
            ):
                return _read(response, ends)
        except NoAnswerError:
            raise
        except Exception as error:  # urllib3's errors come through while the body is read
            told = _reason(error, timeout_s)
        raise NoAnswerError(told)  # outside the handler, which would chain the library's error

    def _session(self) -> Session:
        import requests

        same_host, token = self.same_host, self.token

        class Staying(requests.Session):
            def get_redirect_target(self, resp: Response) -> str | None:
                target = super().get_redirect_target(resp)
                stays = target and origin(urljoin(resp.url, target)) == origin(resp.url)
                return target if stays or not same_host else None

        def bearer(request: PreparedRequest) -> PreparedRequest:
            if token is not None:
                request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
            return request

        session = Staying()
        # Always an auth object, never a header: requests would prefer a .netrc over that.
        session.auth = (self.login[0], self.login[1].get_secret_value()) if self.login else bearer
        return session


def shown(url: str) -> str:
    """`url` without user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def origin(url: str) -> tuple[str, str]:
    """Scheme and host of `url`."""
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _read(response: Response, ends: float) -> Answer:
    """Read in chunks, so that a body that trickles in can't exceed the time limit."""
    chunks, size = [], 0
    while chunk := response.raw.read1(2**16, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            raise NoAnswerError(f"it sent over {MAX_BYTES} bytes; not read on")
        if time.monotonic() > ends:
            raise TimeoutError
    return Answer(response.status_code, response.reason or "", response.headers, b"".join(chunks))


def _reason(error: Exception, timeout_s: float) -> str:
    """Our own words: the libraries' messages may hold a URL with credentials, or a header."""
    import requests
    import urllib3

    timeouts = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if isinstance(error, timeouts):
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
    """The operating system's error at the root of what requests raised."""
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
