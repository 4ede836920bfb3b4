"""What the other stages left behind, as the catalog reads it. Every part may be missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stack.artifacts import ArtifactStore

# What can't be catalogued without each artifact, for people who read the run's metadata.
ARTIFACTS = {
    "dbt/manifest.json": "dbt models, their descriptions and column lineage",
    "dbt/run_results.json": "when dbt last built each model",
    "dbt/test_results.json": "results of dbt tests",
    "gx/validation_result.json": "Great Expectations assertions",
    "load/airbyte.json": "rows loaded by Airbyte, and where they came from",
    "load/books.json": "rows loaded by dlt, and where they came from",
}

Json = dict[str, Any]


class ArtifactError(ValueError):
    """An artifact is there but is not what its writer promises."""


@dataclass(frozen=True)
class Inputs:
    """The latest artifacts. `missing` names those that aren't there."""

    documents: dict[str, Json] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the artifacts that no stage has written yet."""
        return tuple(name for name in ARTIFACTS if name not in self.documents)

    def document(self, name: str) -> Json:
        """An artifact, or an empty object."""
        return self.documents.get(name, {})

    def loads(self) -> Iterator[tuple[str, str, Json]]:
        """(pipeline, table, facts) of each raw table that a load reported on."""
        for name in ("load/airbyte.json", "load/books.json"):
            tables = self.document(name).get("tables", {})
            for table in sorted(tables):
                yield name.removeprefix("load/").removesuffix(".json"), table, tables[table]


def read_inputs(store: ArtifactStore) -> Inputs:
    """Read the latest of every artifact.

    Raises ArtifactError if one isn't a JSON object: a store never holds half a file, so
    that is a broken writer, and cataloguing around it would hide it.
    """
    documents = {}
    for name in ARTIFACTS:
        try:
            document = store.get_json(name)
        except ValueError as error:
            raise ArtifactError(_broken(store, name, str(error))) from None
        if document is None:
            continue
        if not isinstance(document, dict):
            raise ArtifactError(_broken(store, name, f"it is a {type(document).__name__}"))
        documents[name] = document
    return Inputs(documents)


def _broken(store: ArtifactStore, name: str, found: str) -> str:
    return (
        f"{store.url}/latest/{name} should hold a JSON object, but {found}; "
        "run the stage that writes it again, or delete the file to go without"
    )
