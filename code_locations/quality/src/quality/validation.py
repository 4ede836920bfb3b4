"""Runs a checkpoint: suite by suite, frames from DuckDB, judged by Great Expectations."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from quality.data_docs import publish
from quality.declarations import Checkpoint, Expectation, Kind, Suite
from quality.frames import Frames, cut_frames, sample
from quality.holding import claims_of, fingerprints, held_results, key_of
from quality.project import open_context, put_off_scipy, working_copy
from quality.queries import failing_rows
from quality.results import Result, Validation
from quality.suites import Judge, Verdict
from stack.held import Claim, Run, today
from stack.raw import raw_tables
from stack.settings import WarehouseSettings
from stack.warehouse import connect, ensure_raw_tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Report = Callable[[str], None]
Held = Mapping[str, tuple[Result, Claim]]


def run_checkpoint(
    checkpoint: Checkpoint,
    warehouse: WarehouseSettings,
    *,
    run_id: str,
    report: Report,
    only: Collection[tuple[str, str]] | None = None,
) -> Validation:
    """Judge all expectations of the checkpoint's suites; stores nothing but Data Docs.

    `only` restricts it to (suite name, check name) pairs, and then stores no Data Docs either. An
    expectation that can't be judged gives a result with `error`; the others are still judged.
    `report` gets one line per suite.
    """
    with connect(warehouse) as connection:
        # A source that was never loaded is an empty table, as for dbt.
        ensure_raw_tables(connection, warehouse, raw_tables())
        wanted = {
            suite.name: [
                e for e in suite.expectations if only is None or (suite.name, e.name) in only
            ]
            for suite in checkpoint.suites
        }
        return _Run(checkpoint, warehouse, connection, run_id, report).judge(
            wanted, keep=only is None
        )


def run_what_changed(
    checkpoint: Checkpoint,
    warehouse: WarehouseSettings,
    claims: Mapping[str, Claim],
    *,
    run_id: str,
    report: Report,
) -> tuple[Validation, dict[str, Claim], dict[str, Claim]]:
    """As `run_checkpoint`, but skipping the expectations that hold according to `claims`.

    Returns the validation with the results of all, the claims that hold, by key, and all current
    claims. If all hold, Great Expectations isn't even imported.
    """
    this, suites = Run(run_id, today()), checkpoint.suites
    with connect(warehouse) as connection:
        ensure_raw_tables(connection, warehouse, raw_tables())
        before = fingerprints(connection, warehouse, suites)
        held = held_results(suites, before, claims)
        wanted = {
            suite.name: [e for e in suite.expectations if key_of(e) not in held] for suite in suites
        }
        since = {key: claim for key, (_, claim) in held.items()}
        if not any(wanted.values()):
            docs = warehouse.stack_home / "data_docs" / "index.html"
            all_held = _with_held(Validation(checkpoint.name, run_id, 0.0, {}, []), suites, held)
            path = str(docs) if docs.exists() else None
            return replace(all_held, data_docs=path), since, since
        run = _Run(checkpoint, warehouse, connection, run_id, report)
        found = run.judge(wanted, keep=True, held=held)
        after = fingerprints(connection, warehouse, suites)
    # What changed during the run may have been judged before or after the change.
    steady = {key: value for key, value in before.items() if value == after[key]}
    judged = [r for r in found.results if key_of(r.expectation) not in held]
    return found, since, since | claims_of(judged, steady, this)


@dataclass(frozen=True)
class _Run:
    """A checkpoint in progress."""

    checkpoint: Checkpoint
    warehouse: WarehouseSettings
    connection: DuckDBPyConnection
    run_id: str
    report: Report

    def judge(
        self,
        wanted: Mapping[str, Sequence[Expectation]],
        *,
        keep: bool,
        held: Held | None = None,
    ) -> Validation:
        """Judge what is wanted of each suite; `keep` stores Data Docs, including what is held."""
        put_off_scipy()
        from great_expectations import Checkpoint as GxCheckpoint
        from great_expectations import RunIdentifier

        started = time.monotonic()
        now = datetime.now(UTC)
        home = self.warehouse.stack_home
        results: list[Result] = []
        row_counts: dict[str, int] = {}
        with working_copy(self.checkpoint.project, home / "great_expectations", keep=keep) as copy:
            context = open_context(copy)
            judge = Judge(context, RunIdentifier(run_name=self.run_id, run_time=now))
            for suite in self.checkpoint.suites:
                if wanted[suite.name]:
                    session = _Session(self.connection, self.warehouse, suite, judge)
                    found, row_counts[suite.name] = session.results(wanted[suite.name])
                    results += found
                    self.report(_progress(suite, row_counts[suite.name], found))
            validation = Validation(
                self.checkpoint.name, self.run_id, time.monotonic() - started, row_counts, results
            )
            if not keep:
                return validation
            validation = _with_held(validation, self.checkpoint.suites, held or {})
            if judge.ran:
                context.checkpoints.add(
                    GxCheckpoint(name=self.checkpoint.name, validation_definitions=judge.ran)
                )
                context.build_data_docs()
            docs = publish(copy / "uncommitted/data_docs", home / "data_docs", validation, now)
        return replace(validation, data_docs=str(docs), duration_s=time.monotonic() - started)


def _with_held(validation: Validation, suites: Sequence[Suite], held: Held) -> Validation:
    """The validation plus what holds, in the order of the suites."""
    judged = {(r.table, r.expectation.name): r for r in validation.results}
    results, counts = [], {}
    for suite in suites:
        for e in suite.expectations:
            key = key_of(e)
            result = held[key][0] if key in held else judged.get((suite.name, e.name))
            if result is not None:
                results.append(result)
                counts[suite.name] = validation.row_counts.get(
                    suite.name, result.element_count or 0
                )
    return replace(validation, results=results, row_counts=counts)


@dataclass(frozen=True)
class _Session:
    """One suite in progress."""

    connection: DuckDBPyConnection
    warehouse: WarehouseSettings
    suite: Suite
    judge: Judge

    def results(self, wanted: Sequence[Expectation]) -> tuple[list[Result], int]:
        frames = cut_frames(self.connection, self.warehouse, self.suite, wanted)
        able = [e for e in wanted if e.name not in frames.errors]
        verdicts = {name: Verdict(error=message) for name, message in frames.errors.items()}
        if frames.rows is not None:
            rows = [e for e in able if e.kind is Kind.ROWS]
            verdicts |= self.judge.judge(self.suite.name, frames.rows, rows, frames.notes)
        if frames.measures is not None:
            measured = [e for e in able if e.kind is not Kind.ROWS]
            verdicts |= self.judge.judge(f"{self.suite.name}.measures", frames.measures, measured)
        return [self.result(e, verdicts[e.name], frames) for e in wanted], frames.row_count

    def result(self, expectation: Expectation, verdict: Verdict, frames: Frames) -> Result:
        if verdict.error:
            return Result(expectation, success=False, error=verdict.error)
        violations = frames.violations.get(expectation.name)
        # Both SQL and Great Expectations must agree that it passes.
        success = verdict.success and not violations
        raw_schema = self.warehouse.dlt_dataset_name
        return Result(
            expectation,
            success=success,
            observed=frames.values.get(expectation.name, verdict.observed),
            unexpected_count=violations if violations is not None else int(not success),
            element_count=frames.row_count,
            sql=failing_rows(expectation, self.suite, raw_schema),
            rows=self.sample(expectation, success=success),
        )

    def sample(self, expectation: Expectation, *, success: bool) -> list[dict[str, Any]]:
        """Rows that show a failure; a measure is a number and has none."""
        if success or expectation.kind is Kind.MEASURE:
            return []
        return sample(self.connection, expectation, self.suite, self.warehouse.dlt_dataset_name)


def _progress(suite: Suite, rows: int, results: Sequence[Result]) -> str:
    failed = [r.expectation.name for r in results if not r.success]
    said = f"{suite.name}: {rows:,} rows, {len(results)} expectations"
    return f"{said}, all met" if not failed else f"{said}, not met: {', '.join(failed)}"
