"""GETs of GitHub's REST API: conditional, bounded in time and size, and discreet about the token.

Headers, conditional requests, paging and rate limits as in
https://docs.github.com/en/rest/using-the-rest-api (best practices, pagination, rate limits).
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from stack.errors import StackError

if TYPE_CHECKING:
    from email.message import Message
    from urllib.error import HTTPError
    from urllib.request import OpenerDirector

REQUEST_TIMEOUT_S = 10.0
# Dagster gives up on a sensor after 60 s.
DEADLINE_S = 40.0
# A hundred releases with notes of the longest kind are about 13 MB.
MAX_BYTES = 64 * 2**20
# GitHub's limits are per hour; a wrong clock or header must not silence the sensor for longer.
LONGEST_WAIT = timedelta(hours=1)
# What GitHub asks for where a rate limit comes without a time.
SHORTEST_WAIT = timedelta(minutes=1)
NEXT_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?')

REFUSALS = {
    401: "GitHub rejects the token (401 {message}); set a valid GITHUB_TOKEN",
    403: "GITHUB_TOKEN may not do this (403 {message}); it needs read access to contents",
    404: "not found (404): no such repository, or one that GITHUB_TOKEN may not see; "
    "check GITHUB_REPO and the token",
}


class GitHubError(StackError):
    """GitHub gave no usable answer; the text is one line, without the token.

    `retry_at` is set where GitHub asks not to be called before that time.
    """

    def __init__(self, reason: str, retry_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.retry_at = retry_at


@dataclass(frozen=True)
class Answer:
    """JSON of a GET, its ETag and the URL of the next page. Not modified: `content` is None."""

    content: Any
    etag: str | None = None
    next_url: str | None = None
    modified: bool = True


class GitHub:
    """One conversation with GitHub; all its requests together end before the deadline."""

    def __init__(self, api_url: str, token: SecretStr) -> None:
        self.api_url = api_url.rstrip("/")
        self._token = token
        self._ends = time.monotonic() + DEADLINE_S
        self._opener = _opener()

    def get(self, url: str, etag: str | None = None) -> Answer:
        """The JSON at `url`, or "not modified" if it still has this ETag.

        Raises GitHubError for everything else: network, refusal, rate limit, time, nonsense.
        """
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError

        try:
            self._require_same_host(url)
            status, headers, body = self._read(url, etag)
        except HTTPError as error:
            with error:
                if error.code == 304 and etag:
                    return Answer(None, etag, modified=False)
                reason, retry_at = _refusal(error)
            raise self._failure(reason, retry_at) from None
        except TimeoutError:
            raise self._failure(f"{self.api_url} did not answer in time") from None
        except URLError as error:
            late = isinstance(error.reason, TimeoutError)
            what = "did not answer in time" if late else f"can't be reached: {error.reason}"
            raise self._failure(f"{self.api_url} {what}") from None
        except (OSError, HTTPException, ValueError) as error:
            # Of a bad header, the error's text may be the header: only its kind is told.
            kind = type(error).__name__
            raise self._failure(
                f"{self.api_url} broke off or garbled its answer ({kind})"
            ) from None
        if status != 200:
            raise self._failure(f"{self.api_url} answered {status}, expected 200 or 304")
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise self._failure(f"{self.api_url} answered with something that's no JSON") from None
        link = NEXT_LINK.search(headers.get("Link") or "")
        return Answer(content, headers.get("ETag"), link.group(1) if link else None)

    def _read(self, url: str, etag: str | None) -> tuple[int, Message, bytes]:
        from urllib.request import Request

        request = Request(  # noqa: S310 - the scheme is checked by the settings
            url,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token.get_secret_value()}",
                "User-Agent": "freelancer-data-stack",
                "X-GitHub-Api-Version": "2022-11-28",
            }
            | ({"If-None-Match": etag} if etag else {}),
        )
        with self._opener.open(request, timeout=self._time_left()) as response:
            chunks = []
            size = 0
            while chunk := response.read1(2**16):
                size += len(chunk)
                self._time_left()
                if size > MAX_BYTES:
                    raise self._failure(f"{self.api_url} sent over {MAX_BYTES} bytes; not read on")
                chunks.append(chunk)
            expected = response.headers.get("Content-Length")
            if expected and expected.isdigit() and size < int(expected):
                raise ConnectionError  # read1 takes a connection that is cut for the end
            return response.status, response.headers, b"".join(chunks)

    def _time_left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, REQUEST_TIMEOUT_S)

    def _require_same_host(self, url: str) -> None:
        """Raise where a link or a redirect would take the token to another host."""
        if _origin(url) != _origin(self.api_url):
            raise self._failure(f"{self.api_url} points to another host; not followed")

    def _failure(self, reason: str, retry_at: datetime | None = None) -> GitHubError:
        secret = self._token.get_secret_value()
        return GitHubError(one_line(reason.replace(secret, "***"), 300), retry_at)


def one_line(text: str, longest: int) -> str:
    """`text` on one line, cut to `longest`; what no database takes (NUL, surrogates) replaced."""
    clean = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def _opener() -> OpenerDirector:
    """An opener that keeps urllib's proxies but doesn't take the token to another host."""
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class SameHost(HTTPRedirectHandler):
        """A renamed repository answers with a redirect on the same host."""

        def redirect_request(  # noqa: PLR0913, PLR0917 - urllib's signature
            self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
        ) -> Request | None:
            if _origin(newurl) != _origin(req.full_url):
                raise HTTPError(req.full_url, code, msg, headers, fp)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return build_opener(SameHost)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _refusal(error: HTTPError) -> tuple[str, datetime | None]:
    """What an HTTP error means and what to do about it, and when to ask again."""
    message = _message(error)
    limited = (
        error.headers.get("X-RateLimit-Remaining") == "0"
        or error.headers.get("Retry-After") is not None
        or "rate limit" in message.lower()
    )
    if error.code == 429 or (error.code == 403 and limited):
        retry_at = _retry_at(error.headers, datetime.now(UTC))
        reset = f"{retry_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"rate limit of GitHub reached ({error.code}); it resets at {reset}", retry_at
    if error.code in REFUSALS:
        return REFUSALS[error.code].format(message=message), None
    if 300 <= error.code < 400:
        return f"GitHub redirects elsewhere ({error.code}); not followed", None
    if error.code >= 500:
        return f"GitHub is out of order ({error.code})", None
    return f"GitHub answered {error.code} {message}", None


def _message(error: HTTPError) -> str:
    from http.client import HTTPException

    try:
        return str(json.loads(error.read(2**16))["message"])
    except (OSError, HTTPException, ValueError, RecursionError, LookupError, TypeError):
        return str(error.reason)


def _retry_at(headers: Message, now: datetime) -> datetime:
    """When GitHub wants to be asked again: between a minute and an hour from now."""
    after = _integer(headers.get("Retry-After"))
    reset = _integer(headers.get("X-RateLimit-Reset"))
    if after is not None:
        seconds = float(after)
    elif reset is not None:
        seconds = reset - now.timestamp() + 1  # clocks differ by less than that, as a rule
    else:
        seconds = 0.0
    bounded = min(max(seconds, SHORTEST_WAIT.total_seconds()), LONGEST_WAIT.total_seconds())
    return now + timedelta(seconds=bounded)


def _integer(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,15}", text.strip()) else None
