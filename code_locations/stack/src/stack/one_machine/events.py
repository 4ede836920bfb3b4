"""The record of a run so far, gathered from its Dagster events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from stack.held import HELD_AT
from stack.raised import raised, said_by

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo


@dataclass
class TableResult:
    """A table or model that the run materialised; `loaded` is None if it wasn't counted."""

    path: tuple[str, ...]
    rows: int | None
    loaded: int | None


@dataclass
class StepResult:
    """A step of the run: its seconds, and why it failed if it did."""

    name: str
    seconds: float | None = None
    error: str | None = None
    skipped: bool = False


@dataclass
class RunRecord:
    """Steps, tables and checks of one run, in the order they came."""

    run_id: str
    steps: dict[str, StepResult] = field(default_factory=dict)
    tables: dict[tuple[str, ...], TableResult] = field(default_factory=dict)
    checks: dict[tuple[str, ...], list[dg.AssetCheckEvaluation]] = field(default_factory=dict)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    held_models: int = 0
    held_since: float | None = None  # the latest run since which something holds, as a timestamp
    failure: str | None = None  # what stopped it before its first step

    def add(self, entry: dg.EventLogEntry) -> None:
        """Take one event of the run."""
        event = entry.dagster_event
        if event is None:
            return
        step = event.step_key
        if event.is_step_start and step:
            self.steps[step] = StepResult(step)
        elif event.is_step_success and step:
            self.steps[step].seconds = event.step_success_data.duration_ms / 1000
        elif event.is_step_failure and step:
            failure = event.step_failure_data.error
            self.steps.setdefault(step, StepResult(step)).error = _root_cause(failure)
        elif event.event_type_value == "STEP_SKIPPED" and step:
            self.steps.setdefault(step, StepResult(step)).skipped = True
        elif event.event_type_value == "RESOURCE_INIT_FAILURE":
            self.failure = _root_cause(event.engine_event_data.error)
        elif event.is_step_materialization:
            self._add_materialization(event.step_materialization_data.materialization)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            evaluation = event.asset_check_evaluation_data
            self.checks.setdefault(tuple(evaluation.asset_key.path), []).append(evaluation)
            self._note_held(evaluation.metadata)
        elif event.event_type_value == "ASSET_OBSERVATION":
            observed = event.asset_observation_data.asset_observation.metadata
            self.held_models += self._note_held(observed)

    @property
    def held_checks(self) -> int:
        """How many checks still hold from an earlier run."""
        return sum(HELD_AT in check.metadata for found in self.checks.values() for check in found)

    def _note_held(self, metadata: Mapping[str, dg.MetadataValue[Any]]) -> bool:
        if HELD_AT not in metadata:
            return False
        self.held_since = max(self.held_since or 0.0, float(metadata[HELD_AT].value))
        return True

    def _add_materialization(self, materialization: dg.AssetMaterialization) -> None:
        path = tuple(materialization.asset_key.path)
        values = {key: value.value for key, value in materialization.metadata.items()}
        if len(path) == 1:
            self.metadata[path[0]] = values
            return
        rows, loaded = values.get("dagster/row_count"), values.get("rows_loaded")
        self.tables[path] = TableResult(
            path,
            rows if isinstance(rows, int) else None,
            loaded if isinstance(loaded, int) else None,
        )


def _root_cause(error: SerializableErrorInfo | None) -> str:
    """First line of the root cause."""
    found = raised(error)
    return said_by(found[-1]).splitlines()[0] if found else "unknown error"
