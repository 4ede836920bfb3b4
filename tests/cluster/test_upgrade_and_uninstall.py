"""A run is ended from the UI; the release changes under the next one, is saved, removed, restored.

The last of the files.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from cluster.conftest import for_the_session, lake_of
from cluster.kube import make_namespace, output_of, wait_for
from cluster.release import Release, helm
from cluster.vault import vault
from ingestion.backup.age import KeyPair, new_key_pair
from stack.pipelines import INCREMENTAL_SYNC, MONITORING, Stage
from stack.settings import WarehouseSettings
from support.contents import contents

STATES = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
  schedules { name state: scheduleState { status } }
  sensors { name state: sensorState { status } } } } } }"""
SELECTOR = """query ($location: String!, $name: String!) { scheduleOrError(scheduleSelector: {
  repositoryLocationName: $location, repositoryName: "__repository__", scheduleName: $name }) {
  ... on Schedule { scheduleState { id selectorId } } } }"""
STOP = """mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename
  ... on PythonError { message } } }"""


IMAGES = """{ workspaceOrError { ... on Workspace { locationEntries {
  name displayMetadata { key value } } } } }"""


def images_known(release) -> dict[str, str]:
    """The image on which the webserver would run each location's jobs."""
    entries = release.ui.query(IMAGES)["workspaceOrError"]["locationEntries"]
    found = {entry["name"]: entry["displayMetadata"] for entry in entries}
    return {
        name: item["value"]
        for name, items in found.items()
        for item in items
        if item["key"] == "image"
    }


def stop_schedule(release, location: str, name: str) -> None:
    found = release.ui.query(SELECTOR, location=location, name=name)["scheduleOrError"]
    answer = release.ui.query(STOP, id=found["scheduleState"]["id"])["stopRunningSchedule"]
    assert answer["__typename"] == "ScheduleStateResult", answer


def image_of(pod) -> str:
    return pod["spec"]["containers"][0]["image"]


@pytest.fixture(scope="module")
def ended(release) -> str:
    """A run that is ended from the UI in the middle of a step."""

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
    """And by then the ended run has started no other stage."""
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
    # It looks for new code servers every few seconds.
    wait_for(
        lambda: all(f"/{s}-next" in images_known(release).get(s, "") for s in map(str, Stage)),
        lambda: images_known(release),
    )
    after = {stage: release.launch(stage, MONITORING.name) for stage in map(str, Stage)}
    for stage, run_id in after.items():
        release.wait_for_run(run_id, {"SUCCESS"})
        [pod] = release.run_pods(run_id)
        assert f"/{stage}-next" in image_of(pod)


@dataclass(frozen=True)
class Remembered:
    """The state of a release when its backup was made; `unfinished` is a run that waited."""

    contents: dict[str, Any]
    runs: dict[str, str]
    states: dict[str, str]
    unfinished: str
    key: KeyPair


@pytest.fixture(scope="module")
def other_store(tmp_path_factory):
    with vault(tmp_path_factory.mktemp("vault")) as made:
        yield made


def contents_of(release, folder) -> dict[str, Any]:
    with lake_of(release, folder) as variables:
        return contents(
            WarehouseSettings(
                stack_home=folder, **{name.lower(): value for name, value in variables.items()}
            )
        )


def runs_of(release) -> dict[str, str]:
    return {run["runId"]: run["status"] for run in release.runs()}


def states_of(release) -> dict[str, str]:
    """Whether each schedule and sensor is running."""
    answer = release.ui.query(STATES)["repositoriesOrError"]["nodes"]
    found = [each for node in answer for each in (*node["schedules"], *node["sensors"])]
    return {each["name"]: each["state"]["status"] for each in found}


@pytest.fixture(scope="module")
def remembered(release, other_store, tmp_path_factory) -> Remembered:
    """A backup is made while a run waits, which is ended afterwards."""
    key = new_key_pair()
    stop_schedule(release, "ingestion", "retention_schedule")
    release.install(*other_store.values(enabled=True, recipient=key.recipient))
    daemon = f"deployment/{release.fullname}-daemon"
    release.namespace.kubectl("scale", daemon, "--replicas=0")
    wait_for(
        lambda: not release.namespace.get("pods", release.selector("daemon")), "the daemon to go"
    )
    unfinished = release.launch("ingestion", INCREMENTAL_SYNC.name)
    backup = f"{release.fullname}-backup"
    release.namespace.kubectl("create", "job", "by-hand", f"--from=cronjob/{backup}")
    job = ("wait", "--for=condition=Complete", "job/by-hand", "--timeout=300s")
    release.namespace.kubectl(*job)
    assert release.run(unfinished)["status"] == "QUEUED"
    release.terminate(unfinished)
    release.wait_for_run(unfinished, {"CANCELED"})
    folder = tmp_path_factory.mktemp("before")
    return Remembered(
        contents_of(release, folder), runs_of(release), states_of(release), unfinished, key
    )


def test_a_backup_goes_encrypted_to_another_store(remembered, other_store):
    [name] = other_store.names()
    assert name.endswith(".tar.gz.age")


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
    trial = {f"pods/{release.fullname}-trial"}  # there, if `helm test` was called
    jobs = namespace.get("jobs", instance)
    # The Jobs of runs are Dagster's, and their time to live removes them.
    assert all("ttlSecondsAfterFinished" in job["spec"] for job in jobs)
    namespace.kubectl("delete", "jobs", "--selector", instance)
    wait_for(lambda: left() - trial == volumes, lambda: (left() - trial) ^ volumes, 120)


@pytest.fixture(scope="module")
def returned(images, remembered, other_store, tmp_path_factory):
    """Another release in another namespace, which starts from the backup."""
    restored = Release("again", make_namespace("again"), tmp_path_factory.mktemp("again"))
    secret = (
        "create",
        "secret",
        "generic",
        "key",
        f"--from-literal=identity={remembered.key.identity}",
    )
    restored.namespace.kubectl(*secret)
    restored.values += ["--values", str(images), *other_store.values()]
    restored.values += ["--set", "restore.from=latest,restore.identitySecret=key"]
    with for_the_session(restored):
        restored.install()
        yield restored


def test_a_new_release_begins_with_the_backup(returned, remembered, tmp_path):
    """Marts, runs, and the states of schedules and sensors are what they were."""
    assert contents_of(returned, tmp_path) == remembered.contents
    runs = runs_of(returned)
    new = {run for run in runs if run not in remembered.runs}
    assert {run: runs[run] for run in remembered.runs} == remembered.runs
    by_itself = {run["jobName"] for run in returned.runs() if run["runId"] in new}
    assert by_itself <= {MONITORING.name, INCREMENTAL_SYNC.name}
    assert states_of(returned) == remembered.states
    said = [event.get("message") or "" for event in returned.events(remembered.unfinished)]
    assert any("not finished when the backup was made" in line for line in said)


def test_it_goes_on_from_there_and_an_upgrade_restores_nothing_again(returned):
    first = returned.launch("ingestion", INCREMENTAL_SYNC.name)
    returned.wait_for_stages(first, [str(stage) for stage in INCREMENTAL_SYNC.stages])
    returned.install("--set", "restore.from=")
    assert returned.run(first)["status"] == "SUCCESS"
