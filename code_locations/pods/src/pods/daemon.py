"""Dagster's daemon for Kubernetes: `python -m pods.daemon WORKSPACE_FILE`.

Like `dagster-daemon run`, but its run monitor also looks at pods.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster._core.instance import InstanceRef
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.controller import (
    DEFAULT_DAEMON_HEARTBEAT_TOLERANCE_SECONDS,
    create_daemons_from_instance,
    daemon_controller_from_instance,
)
from dagster._daemon.daemon import DaemonIterator, DagsterDaemon, MonitoringDaemon
from dagster._daemon.utils import DaemonErrorCapture
from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers
from dagster_shared.error import SerializableErrorInfo

from pods.connections import keep_connections
from pods.launcher import OWN, ExplainingRunLauncher, with_launcher
from pods.retries import RetryDaemon, make_missed_retries
from pods.watch import (
    delete_jobs_of_ended_runs,
    explain_interrupted_runs,
    fail_hopeless_runs,
)


class PodMonitor(MonitoringDaemon):
    """Dagster's run monitor, which first looks at the runs' pods."""

    def run_iteration(
        self, workspace_process_context: IWorkspaceProcessContext[Any]
    ) -> DaemonIterator:
        """Look at pods, then do what Dagster does; an error in one doesn't stop the others."""
        instance = workspace_process_context.instance
        launcher = instance.run_launcher
        if isinstance(launcher, ExplainingRunLauncher):
            for look in (fail_hopeless_runs, explain_interrupted_runs, delete_jobs_of_ended_runs):
                try:
                    look(instance, launcher, self._logger)
                    yield None
                except Exception:  # of any kind: log it and go on
                    yield self._error("Can't look at the pods of runs")
        if instance.run_retries_enabled:
            try:
                yield from make_missed_retries(workspace_process_context, self._logger)
            except Exception:  # likewise
                yield self._error("Can't look for retries that were missed")
        yield from super().run_iteration(workspace_process_context)

    def _error(self, message: str) -> SerializableErrorInfo:
        return DaemonErrorCapture.process_exception(
            exc_info=sys.exc_info(), logger=self._logger, log_message=message
        )


def daemons(instance: DagsterInstance) -> Sequence[DagsterDaemon[Any]]:
    """The daemons that the instance wants, with ours for the run monitor and the retries."""
    wanted = {daemon.daemon_type(): daemon for daemon in create_daemons_from_instance(instance)}
    interval = instance.run_monitoring_poll_interval_seconds
    ours: list[DagsterDaemon[Any]] = [PodMonitor(interval_seconds=interval), RetryDaemon()]
    wanted |= {d.daemon_type(): d for d in ours if d.daemon_type() in wanted}
    return list(wanted.values())


def run(workspace: Path) -> None:
    """Run until interrupted."""
    tolerance = os.environ.get("DAGSTER_DAEMON_HEARTBEAT_TOLERANCE")
    ref = with_launcher(InstanceRef.from_dir(os.environ["DAGSTER_HOME"]), OWN)
    with DagsterInstance.from_ref(ref) as instance:
        keep_connections(instance)
        with daemon_controller_from_instance(
            instance,
            workspace_load_target=WorkspaceFileTarget(paths=[str(workspace)]),
            heartbeat_tolerance_seconds=int(
                tolerance or DEFAULT_DAEMON_HEARTBEAT_TOLERANCE_SECONDS
            ),
            gen_daemons=daemons,
            code_server_log_level="warning",
        ) as controller:
            controller.check_daemon_loop()


def show_root_log() -> None:
    """Print records of loggers without a handler, such as ours and dagster-postgres's.

    Otherwise Python adds a handler at dagster-postgres's first line that repeats all of Dagster's.
    """
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: record.name.partition(".")[0] != "dagster")
    handler.setFormatter(logging.Formatter("%(asctime)s - %(levelname)s - %(message)s"))
    logging.getLogger().addHandler(handler)


def main() -> int:
    """Run the daemon as a command."""
    show_root_log()
    setup_interrupt_handlers()
    try:
        with capture_interrupts():
            run(Path(sys.argv[1]))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
