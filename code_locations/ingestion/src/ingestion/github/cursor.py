"""What the release sensor remembers between two ticks."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Page:
    """A page of the list as last read. 304 answers carry no Link: the order is kept here."""

    url: str
    etag: str | None


@dataclass(frozen=True)
class Cursor:
    """Which releases of `source` are done with.

    Every id, not only the last: GitHub lists by the date of the commit, and a release may be
    promoted from a pre-release long after its publication, so no date or position separates
    old from new. `done` is None before the first complete look. `kinds` are the kinds wanted
    then ("draft", "prerelease"), `last` is the tag of the last release done with.
    """

    source: str
    kinds: tuple[str, ...]
    done: frozenset[int] | None = None
    last: str | None = None
    pages: tuple[Page, ...] = ()
    wait_until: datetime | None = None

    @classmethod
    def parse(cls, text: str | None, source: str, kinds: tuple[str, ...]) -> Cursor:
        """From the sensor's cursor; a new one where there is none of `source` that is readable."""
        try:
            read = cls._read(json.loads(text or "null"))
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
            return cls(source, kinds)
        return read if read.source == source else cls(source, kinds)

    @classmethod
    def _read(cls, content: dict[str, Any]) -> Cursor:
        done, wait = content["done"], content["wait_until"]
        return cls(
            source=str(content["source"]),
            kinds=tuple(str(kind) for kind in content["kinds"]),
            done=None if done is None else frozenset(int(i) for i in done),
            last=content["last"],
            pages=tuple(Page(str(url), etag and str(etag)) for url, etag in content["pages"]),
            wait_until=None if wait is None else datetime.fromtimestamp(wait, UTC),
        )

    def waiting(self, until: datetime | None) -> Cursor:
        """The same position, and the time before which GitHub is not to be asked."""
        return replace(self, wait_until=until)

    def dump(self) -> str:
        """Text for the sensor's cursor."""
        return json.dumps(
            {
                "source": self.source,
                "kinds": self.kinds,
                "last": self.last,
                "done": None if self.done is None else sorted(self.done),
                "pages": [[page.url, page.etag] for page in self.pages],
                "wait_until": self.wait_until.timestamp() if self.wait_until else None,
            },
            separators=(",", ":"),
        )
