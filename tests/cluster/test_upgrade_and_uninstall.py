"""A run ends from the UI, the release changes under the next one and goes away at last.

The last of the files.
"""

import pytest
import yaml

from cluster.images import built_on, parts_of
from cluster.kube import output_of, wait_for
from cluster.release import helm
from stack.pipelines import INCREMENTAL_SYNC, MONITORING, Stage


@pytest.fixture(scope="session")
def next_images(tmp_path_factory, images):
    """The images of another revision: the same code, other digests."""
    folder = tmp_path_factory.mktemp("next")
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nLABEL revision=next\n")
    values = yaml.safe_load(images.read_text())
    for name, part in parts_of(values).items():
        part["image"] = built_on(images, name, f"{name}-next", folder)
    file = folder / "images.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def image_of(pod) -> str:
    return pod["spec"]["containers"][0]["image"]


@pytest.fixture(scope="module")
def ended(release) -> str:
    """A run that is ended from the UI amid a step."""

    def in_a_step():
        return any(e.get("eventType") == "STEP_START" for e in release.events(run_id))

    run_id = release.launch("ingestion", INCREMENTAL_SYNC.name)
    wait_for(in_a_step, lambda: release.story_of(run_id))
    release.terminate(run_id)
    return run_id


def test_ending_a_run_ends_its_pod(release, ended):
    release.wait_for_run(ended, {"CANCELED"})
    wait_for(lambda: not release.run_pods(ended), "the pod to go")
    assert not release.namespace.get("jobs", f"dagster/run-id={ended}")


def test_the_next_run_finishes_while_every_image_is_replaced(release, ended, next_images):
    """And the run that was ended has begun no other stage by then."""
    first = release.launch("ingestion", INCREMENTAL_SYNC.name)
    release.wait_for_run(first, {"STARTED"})
    [before] = release.run_pods(first)
    assert "next" not in image_of(before)
    release.install("--values", str(next_images))
    runs = release.wait_for_stages(first, [str(stage) for stage in INCREMENTAL_SYNC.stages])
    starts = [
        sum(e.get("eventType") == "RUN_START" for e in release.events(run["runId"])) for run in runs
    ]
    assert starts == [1] * len(INCREMENTAL_SYNC.stages)
    assert {run["tags"]["pipeline/id"] for run in runs} == {first}
    assert [run["runId"] for run in release.runs(tags={"pipeline/id": ended})] == [ended]
    after = {stage: release.launch(stage, MONITORING.name) for stage in map(str, Stage)}
    for stage, run_id in after.items():
        release.wait_for_run(run_id, {"SUCCESS"})
        [pod] = release.run_pods(run_id)
        assert f"/{stage}-next" in image_of(pod)


def test_uninstall_leaves_what_the_docs_say_and_nothing_else(release):
    namespace = release.namespace
    instance = f"app.kubernetes.io/instance={release.name}"
    helm("uninstall", release.name, "--namespace", namespace.name, "--wait")
    kinds = output_of("kubectl", "api-resources", "--namespaced", "--verbs=list", "-o", "name")
    skipped = {"events", "events.events.k8s.io", "pods.metrics.k8s.io"}

    def left() -> set[str]:
        found = set()
        for kind in set(kinds.split()) - skipped:
            found |= {f"{kind}/{name}" for name in namespace.names(kind, instance)}
        return found

    stores = ("postgresql", "s3")
    volumes = {f"persistentvolumeclaims/data-{release.fullname}-{s}-0" for s in stores}
    jobs = namespace.get("jobs", instance)
    # Jobs of runs are Dagster's, and their time to live takes them away.
    assert all("ttlSecondsAfterFinished" in job["spec"] for job in jobs)
    namespace.kubectl("delete", "jobs", "--selector", instance)
    wait_for(lambda: left() == volumes, lambda: left() ^ volumes, 120)
