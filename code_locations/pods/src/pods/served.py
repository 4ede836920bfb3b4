"""Starts a run on what its code server serves now, not on what it served when the run was queued.

Dagster records the image and the pod's settings when a run is created, and uses them however long
the run has waited. Dagster's tag `dagster/image` has the image that a run started on.
"""

from __future__ import annotations

import logging

from dagster import DagsterError, DagsterInstance, DagsterRun
from dagster._api.list_repositories import sync_list_repositories_grpc
from dagster._core.origin import RepositoryPythonOrigin
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin

# The image that the code server had when the run was queued, if it started on another one.
QUEUED_ON_TAG = "stack/queued-on"

logger = logging.getLogger(__name__)


def as_served(instance: DagsterInstance, run: DagsterRun) -> DagsterRun:
    """The run with the code that its code server serves now, also saved in its record.

    If the code server can't be reached, the run stays as it was queued, and its log says so.
    """
    if run.job_code_origin is None or run.remote_job_origin is None:
        return run
    queued = run.job_code_origin.repository_origin
    location = run.remote_job_origin.repository_origin.code_location_origin
    if not isinstance(location, GrpcServerCodeLocationOrigin):
        return run
    try:
        name = run.remote_job_origin.repository_origin.repository_name
        served = _served(location, name, queued)
    except DagsterError as error:
        logger.warning("run %s starts as it was queued: %r", run.run_id, error)
        told = f"It starts on {queued.container_image}: its code server can't be asked for its own."
        instance.report_engine_event(told, run)
        return run
    if served == queued:
        return run
    # Its tags and the rest of its record may be newer than what the queue read.
    current = instance.get_run_by_id(run.run_id) or run
    changed = current._replace(
        job_code_origin=run.job_code_origin._replace(repository_origin=served)
    )
    instance.run_storage.replace_job_origin(changed, run.remote_job_origin)
    if served.container_image != queued.container_image:
        instance.add_run_tags(run.run_id, {QUEUED_ON_TAG: str(queued.container_image)})
        told = f"It starts on {served.container_image}; it was queued on {queued.container_image}."
        instance.report_engine_event(told, changed)
    return changed


def _served(
    location: GrpcServerCodeLocationOrigin, repository: str, queued: RepositoryPythonOrigin
) -> RepositoryPythonOrigin:
    """Raises DagsterError."""
    answer = sync_list_repositories_grpc(location.create_client())
    return RepositoryPythonOrigin(
        executable_path=answer.executable_path or queued.executable_path,
        code_pointer=answer.repository_code_pointer_dict.get(repository, queued.code_pointer),
        container_image=answer.container_image or queued.container_image,
        entry_point=answer.entry_point,
        container_context=answer.container_context,
    )
