"""The Dagster instance of the one-machine stack, which notices runs whose process died.

Such a run would be in progress for ever, keep its place in the pool of the warehouse, and hold the
tables that it loads. Dagster's monitoring, part of its daemon, asks the launcher about each run.
dagster.yaml names both classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.instance import InstanceRef
from dagster._core.launcher import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    WorkerStatus,
)

from stack.one_machine.stale import is_dead, owner_tags


class Instance(dg.DagsterInstance):
    """Notes on every run that starts, however it was begun, which process executes it."""

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """No settings beside Dagster's own."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, Any]:
        """Dagster's own."""
        return InstanceRef.config_defaults(base_dir)

    def handle_new_event(self, event: dg.EventLogEntry, **options: Any) -> None:
        """As Dagster's; the event of a run's start comes from the process that executes it."""
        super().handle_new_event(event, **options)
        if event.dagster_event_type == dg.DagsterEventType.RUN_START:
            self.add_run_tags(event.run_id, owner_tags(event.run_id))


class Launcher(DefaultRunLauncher):
    """Dagster's, which can also tell whether a run's process is there."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """As Dagster's; until its own process starts, a run goes with the one that launches it."""
        run_id = context.dagster_run.run_id
        self._instance.add_run_tags(run_id, owner_tags(run_id))
        super().launch_run(context)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes, for runs of this machine."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """FAILED if the run's process is known to be gone."""
        if is_dead(run):
            return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone (killed?)")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
