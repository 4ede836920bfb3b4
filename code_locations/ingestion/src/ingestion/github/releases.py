"""Which releases of a repository are new since the last look.

API: https://docs.github.com/en/rest/releases/releases#list-releases. The order of the list isn't
documented; in practice it is by the date of the released commit, so a release published today from
an old commit can be on any page. ETags are per page. So each look requests every page
conditionally: unchanged pages answer 304 and don't count against the rate limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from ingestion.github.client import GitHub, GitHubError
from ingestion.github.cursor import Cursor, Page
from stack.errors import one_line

PAGE_SIZE = 100  # the most that GitHub allows
# 2,000 releases; later ones in GitHub's list are ignored.
MAX_PAGES = 20


@dataclass(frozen=True)
class Release:
    """A release as the API returns it; a draft's `published_at` is its date of creation."""

    id: int
    tag: str
    url: str
    published_at: datetime
    draft: bool
    prerelease: bool

    @property
    def kinds(self) -> frozenset[str]:
        """What distinguishes it from a plain release."""
        flags = {"draft": self.draft, "prerelease": self.prerelease}
        return frozenset(kind for kind, flag in flags.items() if flag)


@dataclass(frozen=True)
class Look:
    """New releases, oldest first, and the cursor to store after handing them on."""

    releases: tuple[Release, ...]
    cursor: Cursor


def look(github: GitHub, repo: str, cursor: Cursor, kinds: tuple[str, ...]) -> Look:
    """Releases of `repo` that are new since `cursor`, oldest first, and the cursor after them.

    `kinds` are wanted besides plain releases: "draft", "prerelease". The first look treats all
    existing releases as known. Each release is new only once, whatever is edited later; a skipped
    pre-release becomes new when it is made a full release. When `kinds` changes, everything skipped
    until then is treated as known.

    Raises GitHubError, after which `cursor` can be used again.
    """
    changed = kinds != cursor.kinds
    known_pages = () if changed else cursor.pages
    listed, pages = _read_pages(github, f"{github.api_url}/repos/{repo}/releases", known_pages)
    wanted = [r for r in listed if r.kinds <= set(kinds)]
    wanted.sort(key=lambda release: (release.published_at, release.id))
    new = [
        r
        for r in wanted
        if cursor.done is not None and r.id not in cursor.done and r.kinds <= set(cursor.kinds)
    ]
    newest = new[-1:] or (wanted[-1:] if cursor.done is None else [])
    return Look(
        tuple(new),
        Cursor(
            source=cursor.source,
            kinds=kinds,
            done=(cursor.done or frozenset()) | {r.id for r in wanted},
            last=newest[0].tag if newest else cursor.last,
            pages=pages,
        ),
    )


def _read_pages(
    github: GitHub, first: str, known: tuple[Page, ...]
) -> tuple[list[Release], tuple[Page, ...]]:
    """Releases of the pages that changed since `known`, and all pages as they are now."""
    etags = {page.url: page.etag for page in known}
    following = {a.url: b.url for a, b in pairwise(known)}
    releases: dict[int, Release] = {}
    pages: list[Page] = []
    url: str | None = f"{first}?per_page={PAGE_SIZE}"
    while url and len(pages) < MAX_PAGES and url not in {page.url for page in pages}:
        answer = github.get(url, etags.get(url))
        etag, next_url = answer.etag, answer.next_url
        if not answer.modified:
            next_url = following.get(url)
        else:
            found = _parse(answer.content)
            releases |= {release.id: release for release in found}
            # A full last page doesn't change when another page is added after it, and a 304 has
            # no link to that page, so the last page is requested in full.
            if next_url is None and len(found) >= PAGE_SIZE:
                etag = None
        pages.append(Page(url, etag))
        url = next_url
    return list(releases.values()), tuple(pages)


def _parse(content: Any) -> list[Release]:
    if not isinstance(content, list):
        kind = type(content).__name__
        raise GitHubError(f"GitHub answered with a JSON {kind}, expected a list of releases")
    return [_release(position, item) for position, item in enumerate(content, start=1)]


def _release(position: int, item: Any) -> Release:
    try:
        published_at = datetime.fromisoformat(item["published_at"] or item["created_at"])
        release = Release(
            id=item["id"],
            tag=one_line(item["tag_name"].strip(), 200),
            url=item["html_url"],
            published_at=published_at,
            draft=item["draft"],
            prerelease=item["prerelease"],
        )
        valid = (
            type(release.id) is int
            and isinstance(release.url, str)
            and isinstance(release.draft, bool)
            and isinstance(release.prerelease, bool)
            and published_at.tzinfo is not None
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        valid = False
    if not valid:
        raise GitHubError(
            f"release {position} of GitHub's list lacks id, tag_name, html_url, published_at, "
            "draft or prerelease, or has them in another form"
        )
    return release
