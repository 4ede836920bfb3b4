"""What the other stages left behind, as the catalog reads it. Every part may be missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stack.artifacts import ArtifactStore

# What can't be catalogued without each artifact, for people who read the run's metadata.
ARTIFACTS = {
    "dbt/manifest.json": "dbt models, their descriptions and column lineage",
    "dbt/run_results.json": "when dbt last built each model",
    "dbt/test_results.json": "results of dbt tests",
    "gx/validation_result.json": "Great Expectations assertions",
    "load/airbyte.json": "when Airbyte loaded which tables",
    "load/books.json": "when dlt loaded which tables",
}

Json = dict[str, Any]


class ArtifactError(ValueError):
    """An artifact is there but is not what its writer promises."""


# The asset that writes each load artifact.
LOADERS = {"load/airbyte.json": "airbyte_sync_job", "load/books.json": "dlt_ingestion_pipeline"}


@dataclass(frozen=True)
class Load:
    """What an ingestion asset reported about one raw table, and when."""

    asset: str
    facts: Json
    at: datetime


@dataclass(frozen=True)
class Inputs:
    """The latest artifacts, and when each was written."""

    documents: dict[str, Json] = field(default_factory=dict)
    written: dict[str, datetime] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the artifacts that no stage has written yet."""
        return tuple(name for name in ARTIFACTS if name not in self.documents)

    def document(self, name: str) -> Json:
        """An artifact, or an empty object."""
        return self.documents.get(name, {})

    def loads(self) -> dict[str, Load]:
        """The latest load of each raw table that one reported on, by table name."""
        return {
            table: Load(asset, facts, self.written[name])
            for name, asset in LOADERS.items()
            for table, facts in sorted(self.document(name).get("tables", {}).items())
        }


def read_inputs(store: ArtifactStore) -> Inputs:
    """Read the latest of every artifact.

    Raises ArtifactError if one isn't a JSON object: a store never holds half a file, so
    that is a broken writer, and cataloguing around it would hide it.
    """
    documents, written = {}, {}
    for name in ARTIFACTS:
        try:
            document = store.get_json(name)
        except ValueError as error:
            raise ArtifactError(_broken(store, name, str(error))) from None
        moment = store.written_at(name)
        if document is None or moment is None:
            continue
        if not isinstance(document, dict):
            raise ArtifactError(_broken(store, name, f"it is a {type(document).__name__}"))
        documents[name], written[name] = document, moment
    return Inputs(documents, written)


def _broken(store: ArtifactStore, name: str, found: str) -> str:
    return (
        f"{store.url}/latest/{name} should hold a JSON object, but {found}; "
        "run the stage that writes it again, or delete the file to go without"
    )
