"""What a DataHub server hasn't got yet: emitted, and nothing else.

What was emitted is kept with digests. That the server still has it is for the server to say: the
catalog's own step there has a property, the mark, with a digest of all that was emitted. It is
changed before the first aspect is sent and put back after the last, so that a server that lost its
data, that got an older backup or another stack's catalog, or a run that failed half-way, show; then
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

MARK = "catalog_digest"
# What somebody changed or deleted on the server by hand, the mark doesn't tell.
EVERYTHING_AFTER = timedelta(days=7)


class Emitted(Kept):
    """What the server at `url` has: digests of records by URN and aspect.

    `everything_at` is when all of it was emitted last.
    """

    url: str
    everything_at: datetime
    digests: dict[str, str]

    @property
    def mark(self) -> str:
        """The mark that the server has with it."""
        return digest(self.digests)


@dataclass(frozen=True)
class Server:
    """A DataHub server, which a run of the stack of this naming describes itself to."""

    url: str
    token: SecretStr | None
    naming: Naming
    run_id: str

    @property
    def _marked(self) -> str:
        return self.naming.job(DAILY.name, "datahub_metadata_ingestion")

    def _mark(self) -> str | None:
        return property_of(self.url, self.token, self._marked, MARK)

    def emit_changes(
        self,
        aspects: Sequence[Aspect],
        emitted: Emitted | None,
        at: datetime,
        on_progress: Callable[[int, int], None] = lambda _sent, _of: None,
    ) -> tuple[Emitted, int]:
        """Emit what differs from what is there; what is there now, and how much was sent.

        Where it isn't sure what is there, all is. Raises EmitError.
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
        # Two at once may each have written over the other: then neither knows what is there.
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
