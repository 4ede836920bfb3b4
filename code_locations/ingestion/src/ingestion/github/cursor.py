"""What the release sensor remembers between two ticks."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import PlainSerializer

from stack.sensors import Moment, SensorCursor

Ids = Annotated[frozenset[int], PlainSerializer(sorted)]


class Page(NamedTuple):
    """A page of the list as last read. 304 answers carry no Link, so the order is kept here."""

    url: str
    etag: str | None


class Cursor(SensorCursor):
    """Which releases of `source` have been handled.

    Every id, not only the last: GitHub sorts by the commit's date, and a pre-release may be
    promoted long after its publication, so neither date nor position separates old from new. `done`
    is None before the first complete look. `kinds` are the kinds wanted then ("draft",
    "prerelease"), `last` is the tag of the last release handled.
    """

    kinds: tuple[str, ...]
    done: Ids | None = None
    last: str | None = None
    pages: tuple[Page, ...] = ()
    wait_until: Moment | None = None
