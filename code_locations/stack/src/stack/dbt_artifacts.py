"""dbt's artifacts as the stack keeps them: their names, and the only reader of each.

Only the fields that the stack uses are declared.
Formats: https://schemas.getdbt.com/dbt/manifest/v12.json and
https://schemas.getdbt.com/dbt/run-results/v6.json
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from stack.artifacts import Artifact, ArtifactStore

MANIFEST = "dbt/manifest.json"
RUN_RESULTS = "dbt/run_results.json"
TEST_RESULTS = "dbt/test_results.json"
CATALOG = "dbt/catalog.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


def _version(found: Any) -> Any:
    """12 of https://schemas.getdbt.com/dbt/manifest/v12.json."""
    told = str(found).rpartition("/v")[2].removesuffix(".json")
    return int(told) if told.isdecimal() else found


_Format = Annotated[int, BeforeValidator(_version)]
_SAID_BY_DBT = AliasPath("metadata", "dbt_schema_version")


class Column(_Part):
    """A column as the project describes it."""

    name: str = ""
    description: str | None = ""


class Config(_Part):
    """A node's configuration."""

    materialized: str = ""
    severity: str = ""
    meta: dict[str, Any] = Field(default_factory=dict)


class _DependsOn(_Part):
    nodes: tuple[str, ...] = ()


class GenericTest(_Part):
    """The generic test that a data test uses, and its arguments."""

    name: str
    kwargs: dict[str, Any] = Field(default_factory=dict)


class Node(_Part):
    """A model, seed, snapshot, source or data test; fields that its kind lacks are empty."""

    unique_id: str
    resource_type: str
    name: str
    schema_name: str = Field("", alias="schema")
    alias: str | None = None
    identifier: str | None = None
    source_name: str = ""
    description: str = ""
    file: str = Field("", alias="original_file_path")
    fqn: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    meta: dict[str, Any] = Field(default_factory=dict)
    config: Config = Config()
    described_columns: dict[str, Column] = Field(default_factory=dict, alias="columns")
    depends_on: _DependsOn = _DependsOn()
    primary_key: tuple[str, ...] = ()
    refs: tuple[Any, ...] = ()
    sources: tuple[Any, ...] = ()
    attached_node: str | None = None
    column_name: str | None = None
    test_metadata: GenericTest | None = None

    @property
    def table(self) -> str:
        """Name of its table in the warehouse."""
        return self.alias or self.identifier or self.name

    @property
    def is_source(self) -> bool:
        """Whether ingestion loads it."""
        return self.resource_type == "source"

    @property
    def is_test(self) -> bool:
        """Whether it is a data test."""
        return self.resource_type == "test"

    @property
    def materialized(self) -> str:
        """How dbt builds it: view, table, incremental; `source` if it doesn't."""
        return "source" if self.is_source else self.config.materialized

    @property
    def asset_path(self) -> tuple[str, str]:
        """Path of its Dagster asset key, which for a raw table doesn't depend on the schema."""
        return ("raw" if self.is_source else self.schema_name, self.table)

    @property
    def columns(self) -> dict[str, str]:
        """Descriptions of the columns that the project names."""
        return {name: column.description or "" for name, column in self.described_columns.items()}

    @property
    def parents(self) -> tuple[str, ...]:
        """Unique ids of the tables that it selects from."""
        kinds = ("model.", "source.", "seed.", "snapshot.")
        return tuple(sorted({uid for uid in self.depends_on.nodes if uid.startswith(kinds)}))

    @property
    def tested(self) -> str | None:
        """What a test is about: dbt says so for a generic test; else the last model it reads."""
        if self.attached_node or not self.depends_on.nodes:
            return self.attached_node
        only_sources = self.sources and not self.refs
        return self.depends_on.nodes[0 if only_sources else -1]


class Manifest(Artifact, populate_by_name=True):
    """A project as dbt parsed it."""

    oldest: ClassVar[int] = 12

    format: _Format = Field(default=12, validation_alias=_SAID_BY_DBT)
    nodes: dict[str, Node]
    sources: dict[str, Node]

    @cached_property
    def tables(self) -> dict[str, Node]:
        """Sources and everything dbt builds, by unique id."""
        built = {uid: n for uid, n in self.nodes.items() if n.resource_type in _BUILT}
        return {**self.sources, **built}

    @property
    def models(self) -> Iterator[Node]:
        """The models."""
        return (node for node in self.nodes.values() if node.resource_type == "model")

    @property
    def tests(self) -> Iterator[Node]:
        """The data tests, without dbt's unit tests."""
        return (node for node in self.nodes.values() if node.is_test)

    def upstream(self, unique_id: str) -> Iterator[Node]:
        """All tables that a model is built from, directly or not."""
        seen, waiting = {unique_id}, [unique_id]
        while waiting:
            node = self.tables.get(waiting.pop())
            for parent in node.parents if node else ():
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
                    if parent in self.tables:
                        yield self.tables[parent]

    def models_using(self, raw_tables: Collection[str], raw_schema: str) -> list[Node]:
        """The models that select from any of these tables of the raw schema."""
        wanted = {
            uid
            for uid, source in self.sources.items()
            if source.schema_name == raw_schema and source.table in raw_tables
        }
        return [model for model in self.models if wanted.intersection(model.parents)]


_BUILT = ("model", "seed", "snapshot")


class Timing(_Part):
    """A phase of a node's run."""

    name: str
    completed_at: datetime | None = None


class NodeOutcome(_Part):
    """The outcome of one model or test."""

    unique_id: str
    status: str
    execution_time: float | None = None
    compiled_code: str | None = None
    adapter_response: dict[str, Any] = Field(default_factory=dict)
    timing: tuple[Timing, ...] = ()

    @property
    def executed_at(self) -> datetime | None:
        """When the model was built, or the test run."""
        return next((t.completed_at for t in self.timing if t.name == "execute"), None)

    @property
    def passed(self) -> bool:
        """Whether the model was built, or the test found nothing."""
        return self.status in ("success", "pass")


class Results(Artifact, populate_by_name=True):
    """The outcome of one invocation of dbt: `run_results.json`, or `test_results.json`."""

    oldest: ClassVar[int] = 6

    format: _Format = Field(default=6, validation_alias=_SAID_BY_DBT)
    results: tuple[NodeOutcome, ...] = ()


def read_manifest(store: ArtifactStore, run_id: str | None = None) -> Manifest | None:
    """dbt's manifest from a run, or the latest; None if there is none. Raises ArtifactError."""
    return store.get_model(MANIFEST, Manifest, run_id)


def read_results(store: ArtifactStore, name: str, run_id: str | None = None) -> Results | None:
    """RUN_RESULTS or TEST_RESULTS from a run, or the latest. Raises ArtifactError."""
    return store.get_model(name, Results, run_id)


def catalog_document(
    database: str,
    tables: Iterable[tuple[Node, bool, Mapping[str, str]]],
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """dbt's catalog.json without `dbt docs generate`, which would start dbt a third time.

    `tables` are those that exist: the node, whether it is a view, and the types of its columns.
    Format: https://schemas.getdbt.com/dbt/catalog/v1.json
    """
    document: dict[str, Any] = {
        "metadata": {
            **(metadata or {}),
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json",
        },
        "nodes": {},
        "sources": {},
        "errors": None,
    }
    for node, is_view, types in tables:
        document["sources" if node.is_source else "nodes"][node.unique_id] = {
            "unique_id": node.unique_id,
            "metadata": {
                "database": database,
                "schema": node.schema_name,
                "name": node.table,
                "type": "VIEW" if is_view else "BASE TABLE",
                "comment": node.description or None,
                "owner": None,
            },
            "columns": {
                name: {
                    "name": name,
                    "type": type_,
                    "index": index,
                    "comment": node.columns.get(name) or None,
                }
                for index, (name, type_) in enumerate(types.items(), start=1)
            },
            "stats": {},
        }
    return document
