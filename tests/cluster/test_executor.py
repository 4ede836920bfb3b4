"""Executor k8s-job: each asset in its own pod."""

import pytest

from cluster.kube import wait_for
from cluster.story import left_behind, said, step_pods
from stack.pipelines import INCREMENTAL_SYNC

STAGES = [str(stage) for stage in INCREMENTAL_SYNC.stages]
STEPS = {
    "ingestion": {"airbyte_sync_job", "dlt_ingestion_pipeline"},
    "transformation": {"dbt_run", "dbt_test"},
}


@pytest.fixture
def waiting(probed):
    """A run whose asset waits in its pod."""
    run_id = probed.launch("steps", "waiting_job")
    wait_for(lambda: "waits" in said(probed, run_id), lambda: probed.story_of(run_id))
    return run_id


def test_each_asset_has_a_pod_and_one_that_asks_for_much_memory_has_it(probed):
    run_id = probed.launch("steps", "pair_job")
    probed.wait_for_run(run_id, {"SUCCESS"})
    pods = step_pods(probed, run_id)
    limits = {op: pod["spec"]["containers"][0]["resources"]["limits"] for op, pod in pods.items()}
    assert {op: limit["memory"] for op, limit in limits.items()} == {
        "steps__small": "512Mi",
        "steps__large": "1Gi",
    }
    log = said(probed, run_id)
    for op, mebibytes, share in (("steps__small", 512, 0.6), ("steps__large", 1024, 0.8)):
        bytes_ = mebibytes << 20
        told = f"pod={pods[op]['metadata']['name']} memory={bytes_}"
        assert f"{told} duckdb={int(bytes_ * share / 1e6)}MB" in log
        # It can't start other pods.
        assert pods[op]["spec"]["automountServiceAccountToken"] is False


def test_pipeline_goes_through_pods_of_its_assets(probed):
    first = probed.launch("ingestion", INCREMENTAL_SYNC.name)
    for run in probed.wait_for_stages(first, STAGES):
        stage = run["tags"]["stage"]
        assert set(step_pods(probed, run["runId"])) == STEPS[stage]


def test_ending_a_run_ends_the_pods_of_its_assets(probed, waiting):
    probed.terminate(waiting)
    probed.wait_for_run(waiting, {"CANCELED"})
    wait_for(lambda: not probed.run_pods(waiting), "the pods to go")
    wait_for(lambda: not left_behind(probed, waiting), "its Jobs to go")


def test_lost_run_takes_the_pods_of_its_assets_with_it(probed, waiting):
    probed.namespace.kill(f"dagster/run-id={waiting},app.kubernetes.io/component=run_worker")
    probed.wait_for_run(waiting, {"FAILURE"})
    wait_for(lambda: "its pod is gone" in said(probed, waiting), lambda: said(probed, waiting))
    wait_for(lambda: not probed.run_pods(waiting), "the pods to go")
    wait_for(lambda: not left_behind(probed, waiting), "its Jobs to go")
    [retry] = wait_for(lambda: retries(probed, waiting), "its retry")
    probed.wait_for_run(retry["runId"], {"STARTED"})
    probed.terminate(retry["runId"])
    probed.wait_for_run(retry["runId"], {"CANCELED"})


def test_asset_that_is_killed_for_its_memory_is_told_so_and_retried(probed):
    run_id = probed.launch("steps", "hungry_job")
    probed.wait_for_run(run_id, {"FAILURE"})
    assert "more memory than its limit of 512Mi" in said(probed, run_id)
    [retry] = wait_for(lambda: retries(probed, run_id), "its retry")
    probed.wait_for_run(retry["runId"], {"FAILURE"})
    for ended in (run_id, retry["runId"]):
        wait_for(lambda: not left_behind(probed, ended), "its Jobs to go")  # noqa: B023


def retries(release, run_id):
    return release.runs(tags={"dagster/parent_run_id": run_id})
