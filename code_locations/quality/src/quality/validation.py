"""Runs a checkpoint: suite by suite, frames from DuckDB, judged by Great Expectations."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from quality.data_docs import publish
from quality.declarations import Checkpoint, Expectation, Kind, Suite
from quality.frames import Frames, cut_frames, sample
from quality.project import open_context, put_off_scipy, working_copy
from quality.queries import failing_rows
from quality.results import Result, Validation
from quality.suites import Judge, Verdict
from stack.raw import raw_tables
from stack.settings import WarehouseSettings
from stack.warehouse import connect, ensure_raw_tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Report = Callable[[str], None]


def run_checkpoint(
    checkpoint: Checkpoint,
    warehouse: WarehouseSettings,
    *,
    run_id: str,
    report: Report,
    only: Collection[tuple[str, str]] | None = None,
) -> Validation:
    """Judge the checkpoint's suites; keep Data Docs, and the project's copy, in STACK_HOME.

    `only` restricts it to (suite name, check name) pairs and then keeps nothing. An expectation
    that can't be judged is a result with `error`; the others are judged all the same. `report`
    gets one line a suite.
    """
    put_off_scipy()
    from great_expectations import Checkpoint as GxCheckpoint
    from great_expectations import RunIdentifier

    started = time.monotonic()
    now = datetime.now(UTC)
    home = warehouse.stack_home
    results: list[Result] = []
    row_counts: dict[str, int] = {}
    with working_copy(checkpoint.project, home / "great_expectations", keep=only is None) as copy:
        context = open_context(copy)
        judge = Judge(context, RunIdentifier(run_name=run_id, run_time=now))
        with connect(warehouse) as connection:
            # A source that was never loaded is an empty table, as dbt has it too.
            ensure_raw_tables(connection, warehouse, raw_tables())
            for suite in checkpoint.suites:
                wanted = [
                    e for e in suite.expectations if only is None or (suite.name, e.name) in only
                ]
                if wanted:
                    session = _Session(connection, warehouse, suite, judge)
                    found, row_counts[suite.name] = session.results(wanted)
                    results += found
                    report(_progress(suite, row_counts[suite.name], found))
        validation = Validation(
            checkpoint.name, run_id, time.monotonic() - started, row_counts, results
        )
        if only is not None:
            return validation
        if judge.ran:
            context.checkpoints.add(
                GxCheckpoint(name=checkpoint.name, validation_definitions=judge.ran)
            )
            context.build_data_docs()
        docs = publish(copy / "uncommitted/data_docs", home / "data_docs", validation, now)
    return replace(validation, data_docs=str(docs), duration_s=time.monotonic() - started)


@dataclass(frozen=True)
class _Session:
    """One suite being judged."""

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
        # SQL and Great Expectations must both be content; if they differ, it is no pass.
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
