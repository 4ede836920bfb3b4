"""The executor `k8s-job`: each step in its own pod, with a reason if it can't get one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor
from dagster._core.executor.step_delegating import (
    CheckStepHealthResult,
    StepDelegatingExecutor,
    StepHandlerContext,
)
from dagster._core.storage.tags import RETRY_ON_ASSET_OR_OP_FAILURE_TAG
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.executor import K8sStepHandler
from dagster_k8s.job import UserDefinedDagsterK8sConfig
from dagster_k8s.launcher import K8sRunLauncher

from pods.jobs import Jobs

LOST_TAG = "pods/lost-step"
LOOK_EACH_S = 10

logger = logging.getLogger(__name__)


class StepPods(K8sStepHandler):
    """Starts steps as Jobs, and says what is wrong with them.

    A step's Job is owned by the run's pod, so that none is left when that pod is lost.
    """

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        """Start a step. A run that retries a lost step is itself retried only for another one."""
        run = step_handler_context.dagster_run
        if LOST_TAG in run.tags:
            _mark(step_handler_context, {RETRY_ON_ASSET_OR_OP_FAILURE_TAG: "false"})
        yield from super().launch_step(step_handler_context)

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Unhealthy if the pod is lost, can't start, or didn't start within the time for runs.

        An API that doesn't answer is no reason to give up on a step.
        """
        name = self._get_k8s_step_job_name(step_handler_context)
        namespace = self._get_container_context(step_handler_context).namespace
        jobs = Jobs(self._api_client, str(namespace))
        patience_s = step_handler_context.instance.run_monitoring_start_timeout_seconds
        try:
            trouble = jobs.look(name, patience_s).trouble
            if trouble is None or not trouble.final:
                return CheckStepHealthResult.healthy()
            reason = jobs.explain(name, trouble)
            jobs.delete(name)
        except Exception as error:  # the class depends on how the connection died
            logger.warning("Kubernetes can't be asked for %s, it is asked again: %r", name, error)
            return CheckStepHealthResult.healthy()
        tags = step_handler_context.dagster_run.tags
        asked = RETRY_ON_ASSET_OR_OP_FAILURE_TAG in tags and LOST_TAG not in tags
        if trouble.retry and not asked:
            step = self._get_step_key(step_handler_context)
            # A lost pod is retried like a lost run; a step that failed by itself isn't.
            _mark(step_handler_context, {RETRY_ON_ASSET_OR_OP_FAILURE_TAG: "true", LOST_TAG: step})
        return CheckStepHealthResult.unhealthy(reason=f"Job {name}: {reason}")


def make_executor(
    init_context: dg.InitExecutorContext, resources: Mapping[str, Mapping[str, Any]]
) -> Executor:
    """The executor of a run; `resources` are for the containers of some ops, by op name."""
    launcher = init_context.instance.run_launcher
    if not isinstance(launcher, K8sRunLauncher):
        raise dg.DagsterInvariantViolationError(
            f"RUN_EXECUTOR is k8s-job, but runs are started by {type(launcher).__name__}: steps "
            "take their pods from K8sRunLauncher; set RUN_EXECUTOR=in-process outside a cluster"
        )
    most = init_context.executor_config.get("max_concurrent")
    return StepDelegatingExecutor(
        StepPods(
            image=None,  # the run's image
            container_context=K8sContainerContext(
                run_k8s_config=UserDefinedDagsterK8sConfig.from_dict(
                    # Only the run's pod starts others.
                    {"pod_spec_config": {"automount_service_account_token": False}}
                )
            ),
            load_incluster_config=launcher.load_incluster_config,
            kubeconfig_file=launcher.kubeconfig_file,
            per_step_k8s_config={
                op: {"container_config": {"resources": dict(wanted)}}
                for op, wanted in resources.items()
            },
            enable_owner_references=True,
        ),
        retries=RetryMode.ENABLED,
        check_step_health_interval_seconds=LOOK_EACH_S,
        max_concurrent=most if isinstance(most, int) else None,
        should_verify_step=True,
    )


def _mark(context: StepHandlerContext, tags: Mapping[str, str]) -> None:
    context.instance.add_run_tags(context.dagster_run.run_id, tags)
