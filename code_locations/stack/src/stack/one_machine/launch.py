"""Runs a pipeline in this process, with progress and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import dagster as dg
from rich.console import Console

from stack.one_machine.events import RunRecord
from stack.one_machine.home import open_instance
from stack.one_machine.lock import single_run
from stack.one_machine.progress import Progress
from stack.one_machine.stale import fail_dead_runs
from stack.one_machine.summary import print_summary
from stack.settings import StackSettings, load_settings


def run_pipeline(
    defs: dg.Definitions,
    name: str,
    console: Console,
    run_config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> bool:
    """Run job `name`, recorded in STACK_HOME/dagster; return whether it succeeded.

    `run_config` sets options, `tags` the days of a backfill. Raises AlreadyRunningError when
    another process runs a pipeline in this STACK_HOME.
    """
    settings = load_settings(StackSettings)
    with single_run(settings.stack_home):
        with open_instance(settings) as instance:
            for run_id in fail_dead_runs(instance):
                console.print(f"[yellow]run {run_id[:8]} died earlier; marked as failed[/yellow]")
            record = RunRecord(run_id=str(uuid4()))
            console.print(f"[bold]{name}[/bold]  run {record.run_id[:8]}")
            instance.add_event_listener(record.run_id, Progress(console, record))
            result = defs.resolve_job_def(name).execute_in_process(
                instance=instance,
                run_id=record.run_id,
                raise_on_error=False,
                tags=dict(tags or {}),
                run_config={
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    **(run_config or {}),
                },
            )
        print_summary(console, record, succeeded=result.success)
        return result.success
