"""Conditional GETs of GitHub's REST API, with one deadline for all of them.

Headers, conditional requests, paging and rate limits as in
https://docs.github.com/en/rest/using-the-rest-api (best practices, pagination, rate limits).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from stack.errors import StackError, one_line
from stack.http import Answer, Client, NoAnswerError, origin

REQUEST_TIMEOUT_S = 10.0
# Dagster gives up on a sensor after 60 s.
DEADLINE_S = 40.0
# GitHub's limits are hourly; a wrong clock or header mustn't silence the sensor for longer.
LONGEST_WAIT = timedelta(hours=1)
# GitHub's advice for a rate limit without a time.
SHORTEST_WAIT = timedelta(minutes=1)
HEADERS = {
    "Accept": "application/vnd.github+json",
    "User-Agent": "freelancer-data-stack",
    "X-GitHub-Api-Version": "2022-11-28",
}
NEXT_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?')

REFUSALS = {
    401: "GitHub rejects the token (401 {message}); set a valid GITHUB_TOKEN",
    403: "GITHUB_TOKEN may not do this (403 {message}); it needs read access to contents",
    404: "not found (404): no such repository, or one that GITHUB_TOKEN may not see; "
    "check GITHUB_REPO and the token",
}


class GitHubError(StackError):
    """GitHub gave no usable answer; the message is one line without the token.

    `retry_at` is set if GitHub asks not to be called before then.
    """

    def __init__(self, reason: str, retry_at: datetime | None = None) -> None:
        super().__init__(one_line(reason, 300))
        self.retry_at = retry_at


@dataclass(frozen=True)
class Page:
    """A GET's JSON, its ETag and the URL of the next page. `content` is None if not modified."""

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

    def get(self, url: str, etag: str | None = None) -> Page:
        """The JSON at `url`, or "not modified" if it still has this ETag.

        Raises GitHubError for everything else: network, refusal, rate limit, deadline, bad content.
        """
        try:
            elsewhere = origin(url) != origin(self.api_url)
        except ValueError:
            elsewhere = True
        if elsewhere:
            raise GitHubError(
                f"{self.api_url} points to another host; not followed"
                "; of a gitea, GITHUB_API_URL has to begin with its ROOT_URL"
            )
        left = self._ends - time.monotonic()
        if left <= 0:
            raise GitHubError(f"{self.api_url}: no answer within {DEADLINE_S:g} s")
        try:
            client = Client(self._token, timeout_s=REQUEST_TIMEOUT_S, within_s=left, same_host=True)
            answer = client.get(url, HEADERS | ({"If-None-Match": etag} if etag else {}))
        except NoAnswerError as error:
            raise GitHubError(f"{self.api_url}: {error}") from None
        if answer.status == 304 and etag:
            return Page(None, etag, modified=False)
        if answer.status != 200:
            raise _refusal(answer)
        content = answer.json()
        if content is None:
            raise GitHubError(f"{self.api_url} answered with something that's no JSON")
        link = NEXT_LINK.search(answer.headers.get("Link") or "")
        return Page(content, answer.headers.get("ETag"), link.group(1) if link else None)


def _refusal(answer: Answer) -> GitHubError:
    """What any other status means, what to do about it, and when to ask again."""
    status, content = answer.status, answer.json()
    said = content.get("message") if isinstance(content, dict) else None
    message = one_line(said or answer.reason, 200)
    limited = (
        answer.headers.get("X-RateLimit-Remaining") == "0"
        or answer.headers.get("Retry-After") is not None
        or "rate limit" in message.lower()
    )
    if status == 429 or (status == 403 and limited):
        retry_at = _retry_at(answer, datetime.now(UTC))
        reset = f"{retry_at:%Y-%m-%d %H:%M:%S} UTC"
        return GitHubError(
            f"rate limit of GitHub reached ({status}); it resets at {reset}", retry_at
        )
    if status in REFUSALS:
        return GitHubError(REFUSALS[status].format(message=message))
    if status < 300 or status == 304:
        return GitHubError(f"GitHub answered {status}, expected 200 or 304")
    if status < 400:
        return GitHubError(f"GitHub redirects elsewhere ({status}); not followed")
    if status >= 500:
        return GitHubError(f"GitHub is out of order ({status})")
    return GitHubError(f"GitHub answered {status} {message}")


def _retry_at(answer: Answer, now: datetime) -> datetime:
    """When GitHub may be asked again: between a minute and an hour from now."""
    reset = answer.headers.get("X-RateLimit-Reset", "").strip()
    seconds = answer.retry_after or 0.0
    if answer.retry_after is None and re.fullmatch(r"[0-9]{1,15}", reset):
        seconds = int(reset) - now.timestamp() + 1  # clocks usually differ by less than that
    bounded = min(max(seconds, SHORTEST_WAIT.total_seconds()), LONGEST_WAIT.total_seconds())
    return now + timedelta(seconds=bounded)
