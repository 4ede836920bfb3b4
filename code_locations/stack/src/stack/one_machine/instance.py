"""The Dagster instance of the one-machine stack, which notices runs whose process died.

Otherwise such a run would stay in progress for ever, keep its slot in the warehouse's pool, and
hold the tables that it loads. Dagster's monitoring, part of its daemon, asks the launcher about
each run. dagster.yaml names both classes.
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
from stack.one_machine.storage import storage_data


class Instance(dg.DagsterInstance):
    """Records on every run that starts, however it was launched, which process executes it."""

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """Only Dagster's own settings."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, Any]:
        """Dagster's own, but for the storage where none is configured."""
        return {**InstanceRef.config_defaults(base_dir), "storage": storage_data(base_dir)}

    def handle_new_event(self, event: dg.EventLogEntry, **options: Any) -> None:
        """As Dagster's; the start event comes from the process that executes the run."""
        super().handle_new_event(event, **options)
        if event.dagster_event_type == dg.DagsterEventType.RUN_START:
            self.add_run_tags(event.run_id, owner_tags(event.run_id))


class Launcher(DefaultRunLauncher):
    """Dagster's, plus a check whether a run's process is still there."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """As Dagster's; until a run's own process starts, the launching process stands for it."""
        run_id = context.dagster_run.run_id
        self._instance.add_run_tags(run_id, owner_tags(run_id))
        super().launch_run(context)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes, for runs on this machine."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """FAILED if the run's process is known to be gone."""
        if is_dead(run):
            return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone (killed?)")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
