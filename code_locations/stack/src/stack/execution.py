"""How a run executes its assets: in its own process, or each in a pod of its own.

RUN_EXECUTOR chooses. Kubernetes' libraries are imported only by a run that starts pods: importing
them takes seconds, too long for a location's load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import dagster as dg

from stack.compute import profile_of
from stack.settings import ExecutionSettings, SettingsError

if TYPE_CHECKING:
    from dagster._core.executor.base import Executor

K8S_CONFIG_TAG = "dagster-k8s/config"


def choose_executor(
    settings: ExecutionSettings, assets: Iterable[dg.AssetsDefinition]
) -> dg.ExecutorDefinition:
    """The executor that the settings name. Raises SettingsError if it can't work here."""
    if settings.run_executor == "in-process":
        # Another step costs 0.02 s here, and 1.4 s with a process each.
        return dg.in_process_executor
    if find_spec("pods") is None:
        raise SettingsError(
            "RUN_EXECUTOR: got 'k8s-job', but package freelancer-pods is not installed: use an "
            "image of the stack, or in-process"
        )
    return _step_pods(_resources(settings, assets))


def _step_pods(resources: Mapping[str, Mapping[str, Any]]) -> dg.ExecutorDefinition:
    @dg.executor(
        name="k8s_job",
        config_schema={
            "max_concurrent": dg.Field(
                int, is_required=False, description="Most pods of this run's assets at once."
            )
        },
        requirements=dg.multiple_process_executor_requirements(),
    )
    def k8s_job(init_context: dg.InitExecutorContext) -> Executor:
        from pods.executor import make_executor

        return make_executor(init_context, resources)

    return k8s_job


def _resources(
    settings: ExecutionSettings, assets: Iterable[dg.AssetsDefinition]
) -> dict[str, dict[str, Any]]:
    """Resources by op, for ops that ask for high memory without saying how much."""
    wanted = settings.run_high_memory_resources
    if wanted is None:
        return {}
    return {
        asset.op.name: wanted.model_dump(exclude_defaults=True)
        for asset in assets
        if profile_of(asset) == "high_memory" and K8S_CONFIG_TAG not in asset.op.tags
    }
