"""Flux deploys dev and staging from git; an image is changed, breaks, and is rolled back."""

import json

import pytest

from cluster.kube import Namespace, output_of, wait_for
from gitops.clone import NAME, SECRETS
from gitops.deployed import Environment
from stack.pipelines import Stage

FLUX = Namespace("flux-system")
ENVIRONMENTS = ("dev", "staging")
STATUS = "deployed/staging"
READY_S = 900


def release(environment):
    kind = ("get", "helmrelease", environment.name, "--ignore-not-found", "-o", "json")
    found = environment.namespace.kubectl(*kind)
    return json.loads(found) if found else {}


def ready(environment):
    """The HelmRelease's readiness for git's newest state: True, False or Unknown, and why."""
    found = release(environment)
    status = found.get("status", {})
    if status.get("observedGeneration") != found.get("metadata", {}).get("generation"):
        return "Unknown", "not looked at yet"
    conditions = [one for one in status.get("conditions", ()) if one["type"] == "Ready"]
    return next(((one["status"], one["reason"]) for one in conditions), ("Unknown", "nothing said"))


def is_ready(environment):
    return ready(environment)[0] == "True"


def outcomes(environment):
    """How its last releases ended, newest first."""
    return [one["status"] for one in release(environment)["status"]["history"]]


def told(*environments):
    """What Flux and the pods say, to explain a test's failure."""
    return [
        FLUX.kubectl("get", "gitrepositories,kustomizations,helmcharts", "-o", "wide"),
        *((release(one).get("status"), one.namespace.kubectl("get", "pods,jobs,events"))
          for one in environments),
    ]  # fmt: skip


def is_applied(environment, commit):
    kind = ("get", "kustomization", environment.name, "-o", "json")
    status = json.loads(FLUX.kubectl(*kind)).get("status", {})
    return str(status.get("lastAppliedRevision")).endswith(commit)


@pytest.fixture(scope="module")
def environments(clone, tmp_path_factory):
    """Dev and staging, once Flux says that both are ready."""
    made = {name: Environment(name, tmp_path_factory.mktemp(name)) for name in ENVIRONMENTS}
    login = {"username": clone.gitea.user, "password": clone.token}
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "stringData": login,
    }  # fmt: skip
    FLUX.kubectl("apply", "-f", "-", text=json.dumps(secret))
    folder = clone.root / "k8s" / "flux"
    repository, *others = (
        f"--filename={folder / name}.yaml" for name in ("repository", *ENVIRONMENTS)
    )
    output_of("kubectl", "apply", repository, *others)
    private = {"spec": {"interval": "5s", "secretRef": {"name": NAME}}}
    FLUX.kubectl(
        "patch", "gitrepository", "freelancer-data-stack", "--type=merge",
        f"--patch={json.dumps(private)}",
    )  # fmt: skip
    try:
        wait_for(
            lambda: all(is_ready(one) for one in made.values()),
            lambda: told(*made.values()),
            READY_S,
        )
        yield made
    finally:
        output_of("kubectl", "delete", "--ignore-not-found", *others)
        wait_for(
            lambda: not any(release(one) for one in made.values()), lambda: told(*made.values())
        )
        output_of("kubectl", "delete", repository)
        for one in made.values():
            one.delete()


@pytest.fixture(scope="module")
def merged(clone, staging):
    """The commit of a merge that gives staging dev's image, and what was printed."""
    proven = clone.images("dev")["catalog"]
    clone.write_images("staging", clone.images("staging") | {"catalog": proven})
    clone.propose("another-catalog", "Another catalog")
    commit = clone.merged()
    return commit, clone.stack("watch-environment", "staging", "--commit", commit)


def test_both_are_deployed_by_the_digests_that_git_names(clone, dev, staging, former):
    named = clone.images("dev")
    assert {part: dev.digests(part) for part in Stage} == {
        part: {named[part].digest} for part in Stage
    }
    assert staging.digests("catalog") == {former.digest}
    assert all(is_applied(one, clone.head) for one in (dev, staging))
    dev.wait_until_loaded()


def ended(environment, component, container, kind="containerStatuses"):
    """How a container in a component's only pod ended, and when it ran."""
    (pod,) = environment.namespace.get("pods", environment.selector(component))
    (state,) = [one["state"] for one in pod["status"][kind] if one["name"] == container]
    return state["terminated"]


def test_what_reads_the_run_history_waits_for_its_migration(environments):
    for one in environments.values():
        migration = ended(one, "schema", "migrate")
        assert migration["exitCode"] == 0
        for component in ("webserver", "daemon"):
            waited = ended(one, component, "wait-for-schema", "initContainerStatuses")
            assert waited["finishedAt"] >= migration["startedAt"]


def test_a_pull_request_that_is_merged_changes_the_pods_by_digest(clone, staging, merged):
    commit, done = merged
    assert done.returncode == 0, (done.stdout + done.stderr, told(staging))
    assert staging.digests("catalog") == {clone.images("dev")["catalog"].digest}
    assert clone.gitea.status(NAME, commit, STATUS) == (
        "success", "catalog, dagster run by its images",
    )  # fmt: skip


def test_what_is_changed_by_hand_is_as_git_says_again(staging, merged):
    wait_for(lambda: is_ready(staging), lambda: told(staging), READY_S)
    staging.scale("catalog", 0)
    now = "reconcile.fluxcd.io/requestedAt=by-a-test"  # like `flux reconcile`
    staging.namespace.kubectl("annotate", "helmrelease", staging.name, "--overwrite", now)
    wait_for(lambda: staging.replicas("catalog") == 1, lambda: told(staging), seconds=120)


def test_an_image_that_crashes_is_reported_on_its_commit_and_taken_back(
    clone, staging, bad, merged
):
    wait_for(lambda: is_ready(staging), lambda: told(staging), READY_S)
    working = clone.images("staging")
    clone.write_images("staging", working | {"catalog": bad})
    broken = clone.push("By hand, past promotion")
    done = clone.stack("watch-environment", "staging", "--commit", broken)
    assert done.returncode == 1, done.stdout + done.stderr
    reported, why = clone.gitea.status(NAME, broken, STATUS)
    assert (reported, why[:21]) == ("failure", f"catalog {bad.short}:")
    wait_for(lambda: ready(staging) == ("False", "UpgradeFailed"), lambda: told(staging), READY_S)
    assert staging.digests("catalog") == {working["catalog"].digest}

    done = clone.stack("rollback", "staging")
    assert done.returncode == 0, done.stderr
    mended = clone.merged()
    assert clone.images("staging") == working
    done = clone.stack("watch-environment", "staging", "--commit", mended)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(
        lambda: is_applied(staging, mended) and is_ready(staging), lambda: told(staging), READY_S
    )
    assert outcomes(staging)[:2] == ["deployed", "failed"]
    assert staging.digests("catalog") == {working["catalog"].digest}


def test_an_environment_that_is_taken_away_leaves_its_data_and_secrets(staging):
    volumes = staging.namespace.names("persistentvolumeclaims")
    assert len(volumes) == 2
    FLUX.kubectl("delete", "kustomization", staging.name)
    wait_for(lambda: not release(staging), lambda: told(staging))
    kinds = "deployments,statefulsets,services,jobs,configmaps,serviceaccounts,networkpolicies"
    wait_for(
        lambda: (
            not [name for name in staging.namespace.names(kinds) if name.startswith(staging.name)]
        ),
        lambda: told(staging),
    )
    assert staging.namespace.names("persistentvolumeclaims") == volumes
    assert set(SECRETS) <= set(staging.namespace.names("secrets"))
