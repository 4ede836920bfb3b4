"""Results that no catalogue run saw, because a failure stopped the pipeline before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from catalog.dbt_results import result_proposals
from catalog.expectations import expectation_proposals
from catalog.inputs import Inputs
from catalog.urns import Naming
from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import TEST_RESULTS
from stack.gx_artifacts import read_validation

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

_JUDGES = ("dbt_test", "great_expectations")


@dataclass(frozen=True)
class Missed:
    """Where the results of earlier runs are, and what they are about."""

    store: ArtifactStore
    inputs: Inputs
    naming: Naming
    raw_schema: str

    def results(
        self, of_dbt: Sequence[Proposal], since: datetime | None
    ) -> Iterator[list[Proposal]]:
        """Assertions and their results, for each run that judged after `since`, oldest first.

        Without the latest ones, which are described anyway. `of_dbt` has dbt's assertions.
        """
        runs = {
            (read.run_id, read.by): read.at
            for read in sorted(self.inputs.reads, key=lambda read: read.at)
            if read.by in _JUDGES and read.run_id and (since is None or read.at > since)
        }
        latest = self.inputs.validation.run_id if self.inputs.validation else None
        for (run_id, by), at in sorted(runs.items(), key=lambda item: item[1]):
            if by == "dbt_test":
                if document := self.store.get_json(TEST_RESULTS, run_id):
                    yield [*of_dbt, *result_proposals(of_dbt, [document])]
            elif run_id != latest and (validation := read_validation(self.store, run_id)):
                yield list(expectation_proposals(self.naming, validation, at, self.raw_schema))
