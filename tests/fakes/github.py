"""GitHub's "list releases", pull requests and statuses for tests: a real HTTP server on loopback.

Behaves as https://docs.github.com/en/rest describes and as GitHub does: no User-Agent 403, a
wrong token 401, an unknown repository or one the token may not see 404, drafts only for those
who may push, order by the date of the commit, pages with Link headers, weak ETags of the page's
body, 304 without a Link and without counting against the rate limit, a renamed repository 301.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fakes.github_objects import archives, release
from fakes.github_pulls import Pulls
from support.http_server import JsonHandler, listening

TOKEN = "ghp_the-secret-of-the-tests"
REPO = "octo/books"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Asked:
    """A request that came in."""

    path: str
    headers: Message


@dataclass
class FakeGitHub:
    """A repository, and how the server is to behave.

    `fault` may answer a request in place of the server; it returns whether it did.
    """

    url: str = ""
    repo: str = REPO
    token: str = TOKEN
    may_push: bool = True
    limit: int = 5000
    renamed_from: str | None = None
    fault: Callable[["Handler"], bool] = lambda _handler: False
    releases: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: Pulls = field(default_factory=lambda: Pulls(REPO))
    asked: list[Asked] = field(default_factory=list)
    counted: int = 0
    second: int = 0
    ids: int = 1000
    # Set at the end of a test: what answers slowly stops.
    closing: threading.Event = field(default_factory=threading.Event)

    def publish(
        self,
        tag: str | None = None,
        *,
        commit_day: int | None = None,
        draft: bool = False,
        prerelease: bool = False,
        wait_s: int = 1,
    ) -> int:
        """A new release `wait_s` seconds after the last, of a commit of that day; gives its id."""
        self.ids += 1
        self.second += wait_s
        published = _stamp(EPOCH + timedelta(seconds=self.second))
        tag = tag or f"v{self.ids}"
        commit = published if commit_day is None else _stamp(EPOCH + timedelta(days=commit_day))
        new = {"prerelease": prerelease, "created_at": commit}
        self.releases[self.ids] = release(self.repo, self.ids, tag) | new
        if not draft:
            self._give_out(self.ids, published)
        return self.ids

    def publish_draft(self, number: int) -> None:
        """Publish what was a draft."""
        self.second += 1
        self._give_out(number, _stamp(EPOCH + timedelta(seconds=self.second)))

    def _give_out(self, number: int, moment: str) -> None:
        found = self.releases[number]
        found |= {"draft": False, "published_at": moment}
        found |= archives(self.repo, found["tag_name"])

    def page(self, number: int, size: int) -> tuple[list[dict[str, Any]], bool]:
        """A page of what the token may see, and whether there is another after it."""
        visible = [r for r in self.releases.values() if self.may_push or not r["draft"]]
        visible.sort(key=lambda r: (r["created_at"], r["id"]), reverse=True)
        return visible[(number - 1) * size : number * size], len(visible) > number * size


class Handler(JsonHandler):
    """Answers for the FakeGitHub of its server."""

    protocol_version = "HTTP/1.1"
    github: FakeGitHub

    def handle_any(self) -> None:
        """Answer one request, or break as the test wants it."""
        github = self.github
        github.asked.append(Asked(self.path, self.headers))
        if github.fault(self):
            return
        if not self.headers.get("User-Agent"):
            self.answer(403, {"message": "Request forbidden by administrative rules."})
            return
        if self.headers.get("Authorization") != f"Bearer {github.token}":
            self.answer(401, {"message": "Bad credentials", "status": "401"})
            return
        if self.headers.get("X-GitHub-Api-Version", "2022-11-28") != "2022-11-28":
            self.answer(400, {"message": "Not a supported version"})
            return
        self.answer_path(urlsplit(self.path).path)

    def answer_path(self, path: str) -> None:
        """Answer an authenticated request."""
        github = self.github
        if github.renamed_from and path == f"/repos/{github.renamed_from}/releases":
            location = f"{github.url}/repositories/7/releases?{urlsplit(self.path).query}"
            self.answer(301, {"message": "Moved Permanently"}, {"Location": location})
        elif path.lower() in {f"/repos/{github.repo}/releases", "/repositories/7/releases"}:
            self.answer_releases(path)
        elif path == f"/repos/{github.repo}/pulls":
            self.answer_pulls()
        elif path.startswith(f"/repos/{github.repo}/statuses/"):
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(*github.pulls.set_status(path.rpartition("/")[2], content))
        else:
            self.answer(404, {"message": "Not Found", "status": "404"})

    def answer_pulls(self) -> None:
        """The list of pull requests, or a new one."""
        if self.command == "POST":
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(*self.github.pulls.create(content))
        else:
            query = parse_qs(urlsplit(self.path).query)
            self.answer(200, self.github.pulls.listed(query))

    def answer_releases(self, path: str) -> None:
        """A page of releases, or 304, or the end of the rate limit."""
        github = self.github
        query = {k: int(v[0]) for k, v in parse_qs(urlsplit(self.path).query).items()}
        size, number = min(query.get("per_page", 30), 100), query.get("page", 1)
        found, more = github.page(number, size)
        etag = f'W/"{hashlib.sha256(json.dumps(found).encode()).hexdigest()}"'
        if self.headers.get("If-None-Match") == etag:
            self.answer(304, None, {"ETag": etag})
            return
        if github.counted >= github.limit:
            self.answer(403, {"message": "API rate limit exceeded for user ID 1."}, limited(0))
            return
        github.counted += 1
        headers = {"ETag": etag, "X-RateLimit-Remaining": str(github.limit - github.counted)}
        if more:
            url = f"{github.url}{path}?per_page={size}&page="
            headers["Link"] = f'<{url}{number + 1}>; rel="next", <{url}99>; rel="last"'
        self.answer(200, found, headers)


def limited(remaining: int, reset_in_s: int = 1800) -> dict[str, str]:
    """Headers of the primary rate limit."""
    reset = int(datetime.now(UTC).timestamp()) + reset_in_s
    return {"X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": str(reset)}


@contextmanager
def fake_github() -> Iterator[FakeGitHub]:
    """A running server."""
    github = FakeGitHub()
    handler = type("BoundHandler", (Handler,), {"github": github})
    with listening(handler) as port:
        github.url = f"http://127.0.0.1:{port}"
        try:
            yield github
        finally:
            github.closing.set()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
