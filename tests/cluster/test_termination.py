"""A run that is ended from the UI."""

from cluster.kube import wait_for
from stack.pipelines import INCREMENTAL_SYNC


def test_ending_a_run_ends_its_pod_and_begins_no_other_stage(release):
    def in_a_step():
        return any(e.get("eventType") == "STEP_START" for e in release.events(run_id))

    run_id = release.launch("ingestion", INCREMENTAL_SYNC.name)
    wait_for(in_a_step, lambda: release.story_of(run_id))
    release.terminate(run_id)
    release.wait_for_run(run_id, {"CANCELED"})
    wait_for(lambda: not release.run_pods(run_id), "the pod to go")
    assert not release.namespace.get("jobs", f"dagster/run-id={run_id}")
    # The next one finds the warehouse as it should be.
    after = release.launch("ingestion", INCREMENTAL_SYNC.name)
    runs = release.wait_for_stages(after, [str(stage) for stage in INCREMENTAL_SYNC.stages])
    assert {run["tags"]["pipeline/id"] for run in runs} == {after}
    assert not [r for r in release.runs(tags={"pipeline/id": run_id}) if r["runId"] != run_id]
