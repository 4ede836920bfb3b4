"""Runs dbt in this process through its programmatic API.

Why in this process: docs/decisions/0013-dbt-in-process.md. The API and its events:
https://docs.getdbt.com/reference/programmatic-invocations
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from stack.errors import reason
from transformation.project import DbtProject, environment_of

logger = logging.getLogger(__name__)

Status = Literal["success", "error", "skipped", "pass", "fail", "warn", "partial success", "no-op"]
_ROWS_AFFECTED = "rows_affected="


@dataclass(frozen=True)
class NodeResult:
    """The outcome of one model or test. `failures` counts a test's failing rows."""

    unique_id: str
    status: Status
    duration_s: float
    message: str | None
    failures: int | None
    compiled_code: str | None


@dataclass(frozen=True)
class DbtResult:
    """The outcome of an invocation. `error` is set if dbt failed as a whole, before any node."""

    success: bool
    results: tuple[NodeResult, ...] = ()
    error: str | None = None
    exception: Exception | None = None  # behind `error`, with its causes


@dataclass
class Progress:
    """Reports each node as it finishes, and keeps what only events contain.

    `rows_affected`, by unique id, is what the macro duckdb__get_delete_insert_merge_sql logs.
    """

    report: Callable[[NodeResult], None]
    rows_affected: dict[str, int] = field(default_factory=dict)

    def __call__(self, event: Any) -> None:
        """Take one dbt event."""
        if event.info.name == "JinjaLogDebug" and event.data.msg.startswith(_ROWS_AFFECTED):
            rows = int(event.data.msg.removeprefix(_ROWS_AFFECTED))
            self.rows_affected[event.data.node_info.unique_id] = rows
        if event.info.name == "NodeFinished":
            node, result = event.data.node_info, event.data.run_result
            self.report(
                NodeResult(
                    unique_id=node.unique_id,
                    status=cast("Status", result.status),
                    duration_s=result.execution_time,
                    message=result.message or None,
                    failures=result.num_failures,
                    compiled_code=None,
                )
            )


def invoke(
    project: DbtProject,
    arguments: Sequence[str],
    target_dir: Path,
    on_event: Callable[[Any], None] | None = None,
) -> DbtResult:
    """Run a dbt command with its artifacts in `target_dir`.

    Raises whatever interrupts it (a cancelled run); everything else is in the result.
    """
    from dbt.cli.main import dbtRunner

    runner = dbtRunner(callbacks=[on_event] if on_event else [])
    with environment_of(project):
        try:
            outcome = runner.invoke([*arguments, *_options(project, target_dir)])
        finally:
            _close_warehouse()
    if outcome.exception is not None:
        if not isinstance(outcome.exception, Exception):
            raise outcome.exception
        error = outcome.exception
        return DbtResult(success=False, error=reason(error), exception=error)
    results = getattr(outcome.result, "results", ())
    return DbtResult(outcome.success, tuple(_node_result(r) for r in results))


def _options(project: DbtProject, target_dir: Path) -> list[str]:
    project.log_dir.mkdir(parents=True, exist_ok=True)
    options = {
        "--project-dir": project.project_dir,
        "--profiles-dir": project.profiles_dir,
        "--target": project.target,
        "--target-path": target_dir,
        "--log-path": project.log_dir,
        "--log-level": "none",
        "--log-level-file": "info",
    }
    return [*(str(p) for option in options.items() for p in option), "--no-use-colors-file"]


def _close_warehouse() -> None:
    """dbt-duckdb keeps its in-memory database open for reuse, and our file with it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def _node_result(result: Any) -> NodeResult:
    return NodeResult(
        unique_id=result.node.unique_id,
        status=cast("Status", str(result.status)),
        duration_s=result.execution_time,
        message=result.message,
        failures=result.failures,
        compiled_code=getattr(result.node, "compiled_code", None),
    )
