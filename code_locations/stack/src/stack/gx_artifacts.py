"""What a validation by Great Expectations found, as quality stores it for the other stages."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stack.artifacts import Artifact, ArtifactStore

VALIDATION = "gx/validation_result.json"
DATA_DOCS = "gx/data_docs.zip"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class ExpectationResult(_Part):
    """The outcome of one expectation.

    `schema_name` is written as in asset keys: raw, marts and so on. `error` says why it couldn't be
    judged; `sql` selects the failing rows, or the number in question.
    """

    schema_name: str = Field(alias="schema")
    table: str
    check_name: str
    expectation_type: str
    column: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: str = "critical"
    success: bool
    observed: Any = None
    unexpected_count: int | None = None
    element_count: int | None = None
    error: str | None = None
    because: str = ""
    sql: str | None = None


class ValidationResult(Artifact):
    """The outcome of a checkpoint in a run."""

    success: bool
    checkpoint: str
    run_id: str
    duration_s: float = 0.0
    row_counts: dict[str, int] = Field(default_factory=dict)
    results: tuple[ExpectationResult, ...] = ()
    data_docs: str | None = None

    def says_as(self, other: ValidationResult) -> bool:
        """Whether both found the same, ignoring the time."""
        mine, its = (
            [result.model_dump(mode="json") for result in one.results] for one in (self, other)
        )
        return (self.checkpoint, self.success, mine) == (other.checkpoint, other.success, its)


def write_validation(store: ArtifactStore, result: ValidationResult) -> str:
    """Store it for later stages; return its URL."""
    return store.put_model(result.run_id, VALIDATION, result)


def read_validation(store: ArtifactStore, run_id: str | None = None) -> ValidationResult | None:
    """The result from a run, or the latest; None if there is none. Raises ArtifactError."""
    return store.get_model(VALIDATION, ValidationResult, run_id)
