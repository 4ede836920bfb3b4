"""Argo CD deploys dev and staging from git; images are promoted, break, and are rolled back."""

import json

import pytest

from cluster.kube import Namespace, output_of, wait_for
from gitops.clone import NAME, PASSWORD
from gitops.deployed import Environment
from stack.pipelines import DAILY, Stage

ARGO = Namespace("argocd")
ENVIRONMENTS = ("dev", "staging")
STATUS = "deployed/staging"
MINUTES_S = 600


def application(environment):
    name = f"freelancer-data-stack-{environment.name.rpartition('-')[2]}"
    found = ARGO.kubectl("get", "application", name, "--ignore-not-found", "-o", "json")
    return json.loads(found) if found else {}


def state(environment):
    status = application(environment).get("status", {})
    return (
        status.get("sync", {}).get("status"),
        status.get("health", {}).get("status"),
        status.get("sync", {}).get("revision"),
    )


def told(*environments):
    """What Argo CD and the pods say, to explain a test's failure."""
    return [
        (state(one), application(one).get("status", {}).get("operationState", {}).get("message"),
         application(one).get("status", {}).get("conditions"),
         one.namespace.kubectl("get", "pods,jobs,events"))
        for one in environments
    ]  # fmt: skip


def repository_secret(clone):
    """The login for a private repository, as Argo CD wants it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": NAME,
            "labels": {"argocd.argoproj.io/secret-type": "repository"},
        },
        "stringData": {
            "type": "git",
            "url": clone.gitea.address(NAME),
            "username": clone.gitea.user,
            "password": clone.token,
        },
    }


@pytest.fixture(scope="module")
def environments(clone, tmp_path_factory):
    """Dev and staging, once both match the repository and are healthy."""
    made = {name: Environment(name, tmp_path_factory.mktemp(name)) for name in ENVIRONMENTS}
    ARGO.kubectl("apply", "-f", "-", text=json.dumps(repository_secret(clone)))
    applications = str(clone.root / "k8s" / "argocd" / "applicationset.yaml")
    output_of("kubectl", "apply", "-f", applications)
    try:
        wait_for(
            lambda: all(state(one)[:2] == ("Synced", "Healthy") for one in made.values()),
            lambda: told(*made.values()),
            MINUTES_S,
        )
        yield made
    finally:
        output_of("kubectl", "delete", "-f", applications)
        for one in made.values():
            one.delete()


@pytest.fixture(scope="module")
def promoted(clone, dev, staging):
    """What `stack promote` printed after a night in dev, and the merge commit."""
    dev.wait_until_loaded()
    first = dev.launch("ingestion", DAILY.name)
    dev.wait_for_stages(first, [str(stage) for stage in Stage])
    log = dev.folder / "postgresql.log"
    with dev.namespace.forwarded(f"service/{dev.fullname}-postgresql", 5432, log) as port:
        url = f"postgresql://dagster:{PASSWORD}@127.0.0.1:{port}/dagster"
        done = clone.stack("promote", "dev", "staging", PROMOTION_SOURCE_URL=url)
    assert done.returncode == 0, done.stderr
    return done.stdout, clone.merged()


def test_both_are_deployed_by_the_digests_that_git_names(clone, environments, former):
    dev, staging = environments.values()
    named = clone.images("dev")
    assert {part: dev.digests(part) for part in Stage} == {
        part: {named[part].digest} for part in Stage
    }
    assert staging.digests("catalog") == {former.digest}
    assert {state(one)[2] for one in environments.values()} == {clone.head}


def test_what_reads_the_run_history_was_made_after_its_migration(environments):
    for one in environments.values():
        (job,) = one.namespace.get("jobs", "app.kubernetes.io/component=schema")
        made = [d["metadata"]["creationTimestamp"] for d in one.namespace.get("deployments")]
        assert made
        assert min(made) >= job["status"]["completionTime"]


def test_a_pull_request_of_promotion_that_is_merged_changes_the_pods_by_digest(
    clone, staging, former, promoted
):
    said, merge = promoted
    proven = clone.images("dev")["catalog"]
    assert f"{former.short} → {former.tag} {proven.short}" in said
    assert clone.images("staging")["catalog"] == proven
    done = clone.stack("watch-environment", "staging", "--commit", merge)
    assert done.returncode == 0, (done.stdout + done.stderr, told(staging))
    assert staging.digests("catalog") == {proven.digest}
    assert clone.gitea.status(NAME, merge, STATUS) == (
        "success", "catalog, dagster run by its images",
    )  # fmt: skip


def test_what_is_changed_by_hand_is_as_git_says_again(staging, promoted):
    staging.scale("catalog", 0)
    wait_for(lambda: staging.replicas("catalog") == 1, lambda: told(staging), seconds=120)


def test_an_image_that_crashes_is_reported_on_its_commit_and_taken_back(
    clone, staging, bad, promoted
):
    working = clone.images("staging")
    clone.write_images("staging", working | {"catalog": bad})
    broken = clone.push("By hand, past promotion")
    done = clone.stack("watch-environment", "staging", "--commit", broken)
    assert done.returncode == 1, done.stdout + done.stderr
    reported, why = clone.gitea.status(NAME, broken, STATUS)
    assert (reported, why[:21]) == ("failure", f"catalog {bad.short}:")
    assert staging.digests("catalog") == {working["catalog"].digest}

    done = clone.stack("rollback", "staging")
    assert done.returncode == 0, done.stderr
    mended = clone.merged()
    assert clone.images("staging") == working
    done = clone.stack("watch-environment", "staging", "--commit", mended)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(
        lambda: state(staging) == ("Synced", "Healthy", mended), lambda: told(staging), MINUTES_S
    )
