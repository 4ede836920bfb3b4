"""The daemon's run launcher: Dagster's, but it gives reasons and tolerates a silent API."""

from __future__ import annotations

import logging
import time

from dagster import DagsterRun, DagsterRunStatus
from dagster._core.instance import InstanceRef
from dagster._core.launcher import LaunchRunContext
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import get_job_name_from_run_id

from pods.code import CODE_TAG, code_of
from pods.connections import is_away
from pods.held import end, told_of
from pods.jobs import Jobs
from pods.served import as_served

STOCK = ("dagster_k8s", "K8sRunLauncher")
OWN = ("pods.launcher", "ExplainingRunLauncher")

# How long a launch waits for Postgres, which may be restarting.
PATIENCE_S = 60.0
_WAIT_S = 1.0

logger = logging.getLogger(__name__)


class ExplainingRunLauncher(K8sRunLauncher):
    """K8sRunLauncher for the daemon only; runs are configured with the stock one."""

    def jobs_of(self, run: DagsterRun) -> Jobs:
        """Jobs in the run's namespace."""
        return Jobs(self._api_client, str(self.get_container_context_for_run(run).namespace))

    def jobs(self) -> Jobs:
        """Jobs in the release's namespace."""
        return Jobs(self._api_client, self.job_namespace)

    def job_name(self, run: DagsterRun) -> str:
        """Name of the run's Job."""
        attempt = self._get_resume_attempt_number(run)
        return str(get_job_name_from_run_id(run.run_id, resume_attempt_number=attempt))

    def launch_run(self, context: LaunchRunContext) -> None:
        """As K8sRunLauncher, but usable by an image without this package.

        Dagster fails a run whose launch raises, so this waits if the database goes away. A run
        that has nothing to do gets no Job; one that was queued starts on the code that its code
        server has by now.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.launch(context.dagster_run)
                return
            except Exception as error:
                if not is_away(error) or time.monotonic() > deadline:
                    raise
                logger.warning("run %s is launched again: %r", context.dagster_run.run_id, error)
                time.sleep(_WAIT_S)

    def launch(self, run: DagsterRun) -> None:
        """Create the run's Job, once; an error after that doesn't fail the launch."""
        if told := told_of(run):
            end(self._instance, run, told)
            return
        run = as_served(self._instance, run)
        if run.job_code_origin is None:
            raise ValueError(f"run {run.run_id} names no code; start it from a loaded location")
        if code := code_of(run.job_code_origin.repository_origin.container_context):
            self._instance.add_run_tags(run.run_id, {CODE_TAG: code})
        arguments = ExecuteRunArgs(
            job_origin=run.job_code_origin,
            run_id=run.run_id,
            instance_ref=with_launcher(self._instance.get_ref(), STOCK),
            set_exit_code_on_failure=self._fail_pod_on_run_failure,
        ).get_command_args()
        name = get_job_name_from_run_id(run.run_id)
        try:
            self._launch_k8s_job_with_args(name, arguments, run)
        except Exception as error:
            if not self.jobs_of(run).exists(name):
                raise
            logger.warning("Job %s is made; what failed is only its launch: %r", name, error)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Failed only where Kubernetes says so.

        The monitor gives up on any run that isn't known to be healthy and has it retried: if a
        silent API counted, runs would continue in their pods and be executed twice.
        """
        jobs, name = self.jobs_of(run), self.job_name(run)
        try:
            look = jobs.look(name)
            if look.trouble and look.trouble.final:
                return CheckRunHealthResult(WorkerStatus.FAILED, jobs.explain(name, look.trouble))
        except Exception as error:  # the class depends on how the connection died
            logger.warning("Kubernetes can't be asked for %s, it is asked again: %r", name, error)
            return CheckRunHealthResult(WorkerStatus.RUNNING, "Kubernetes can't be asked")
        if look.succeeded and run.status in (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING):
            return CheckRunHealthResult(
                WorkerStatus.FAILED, "its process ended, but did not end the run"
            )
        return CheckRunHealthResult(
            WorkerStatus.SUCCESS if look.succeeded else WorkerStatus.RUNNING
        )

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """The reason first, then what Kubernetes knows about the pod."""
        name = self.job_name(run)
        trouble = self.jobs_of(run).look(name).trouble
        details = super().get_run_worker_debug_info(run, include_container_logs)
        reasons = [f"Job {name}: {trouble.reason}"] if trouble else []
        return "\n\n".join([*reasons, *([details] if details else [])])


def with_launcher(ref: InstanceRef, launcher: tuple[str, str]) -> InstanceRef:
    """The instance with its launcher class changed from one of STOCK and OWN to the other."""
    data = ref.run_launcher_data
    found = (data.module_name, data.class_name) if data else None
    if data is None or found not in (STOCK, OWN):
        raise ValueError(
            f"dagster.yaml: run_launcher is {found}; the daemon for Kubernetes works with "
            f"{'.'.join(STOCK)} only: set that, or run `dagster-daemon`"
        )
    module, name = launcher
    return ref._replace(run_launcher_data=ConfigurableClassData(module, name, data.config_yaml))
