"""Emits only what a DataHub server doesn't have yet.

Digests of what was emitted are stored. Whether the server still has it only the server can say: its
entity for the catalog step has a property, the mark, with a digest of all that was emitted. The
mark is changed before the first aspect is sent and set after the last. So it shows if the server
lost its data, got an older backup or another stack's catalog, or if a run failed half-way; then
everything is emitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import SecretStr

from catalog.kept import Kept
from catalog.records import Aspect
from catalog.sinks import check_server, emit, property_of
from catalog.urns import Naming
from stack.digests import digest
from stack.http import shown
from stack.pipelines import DAILY

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

EMITTED = "emitted"  # the artifact with the digests
MARK = "catalog_digest"
# The mark doesn't reveal changes that somebody made on the server by hand.
EVERYTHING_AFTER = timedelta(days=7)


class Emitted(Kept):
    """What the server at `url` has: digests of records by URN and aspect.

    `everything_at` is when all of it was last emitted.
    """

    url: str
    everything_at: datetime
    digests: dict[str, str]

    @property
    def mark(self) -> str:
        """The mark that the server has if it has all of this."""
        return digest(self.digests)


@dataclass(frozen=True)
class Server:
    """A DataHub server that a run describes its stack to, under this naming."""

    url: str
    token: SecretStr | None
    naming: Naming
    run_id: str

    @property
    def _marked(self) -> str:
        return self.naming.job(DAILY.name, "datahub_metadata_ingestion")

    def has(self, emitted: Emitted, at: datetime) -> bool:
        """Whether the server has all that was emitted, and isn't due to get all of it again."""
        return self._holds(emitted, self._mark(), at)

    def _mark(self) -> str | None:
        return property_of(self.url, self.token, self._marked, MARK)

    def emit_changes(
        self,
        aspects: Sequence[Aspect],
        emitted: Emitted | None,
        at: datetime,
        on_progress: Callable[[int, int], None] = lambda _sent, _of: None,
    ) -> tuple[Emitted, int]:
        """Emit what differs from what is there; return what is there now, and how much was sent.

        If it isn't certain what is there, everything is sent. Raises EmitError.
        """
        check_server(self.url, self.token)
        [bearer] = (a for a in aspects if a.key == f"{self._marked} dataJobInfo")
        found = self._mark()
        if emitted is None or not self._holds(emitted, found, at):
            emitted = Emitted(url=shown(self.url), everything_at=at, digests={})
        changed = [a for a in aspects if emitted.digests.get(a.key) != a.digest]
        if not changed:
            return emitted, 0
        if found is not None:
            found = f"unfinished: {self.run_id}"
            self._put(bearer, found)
        sent = [a.proposal for a in changed if a is not bearer]
        total = len(sent) + 1
        emit(self.url, self.token, sent, total=total, on_progress=lambda n: on_progress(n, total))
        now = emitted.model_copy(update={"digests": {a.key: a.digest for a in aspects}})
        # Two runs at once may have overwritten each other: then neither knows what is there.
        alone = self._mark() == found
        self._put(bearer, now.mark if alone else f"not alone: {self.run_id}")
        on_progress(total, total)
        return now, total

    def _holds(self, emitted: Emitted, mark: str | None, at: datetime) -> bool:
        same = emitted.url == shown(self.url) and emitted.mark == mark
        return same and at - emitted.everything_at < EVERYTHING_AFTER

    def _put(self, bearer: Aspect, mark: str) -> None:
        emit(self.url, self.token, [_marked(bearer.proposal, mark)])


def _marked(proposal: Proposal, mark: str) -> Proposal:
    from copy import copy

    from datahub.metadata.schema_classes import DataJobInfoClass

    marked = copy(proposal)
    marked.aspect = DataJobInfoClass.from_obj(proposal.aspect.to_obj() if proposal.aspect else {})
    marked.aspect.customProperties = {**marked.aspect.customProperties, MARK: mark}
    return marked
