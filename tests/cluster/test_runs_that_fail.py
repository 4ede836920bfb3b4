"""Runs whose pod can't start or is lost: they fail, say why, and leave no Job behind."""

import json
import os

import pytest

from cluster.kube import wait_for
from cluster.story import left_behind, said

MISSING = f"{os.environ.get('IMAGE_REGISTRY', 'localhost:5000')}/freelancer-data-stack/missing:1"


def container(**config):
    return {"container_config": config}


SMALL = {"requests": {"memory": "16Mi"}, "limits": {"memory": "32Mi"}}
NO_STORAGE = {
    "requests": {"memory": "128Mi", "ephemeral-storage": "1Ki"},
    "limits": {"ephemeral-storage": "1Ki"},
}
# By what is wrong: the job, and Kubernetes' configuration for the run.
RUNS = {
    "no node": ("pair", {"pod_spec_config": {"node_selector": {"disk": "none"}}}),
    "no such image": ("pair", container(image=MISSING)),
    "no name of an image": ("pair", container(image="Not An Image")),
    "no such secret": ("pair", container(env_from=[{"secret_ref": {"name": "missing"}}])),
    "too little memory to begin": ("pair", container(resources=SMALL)),
    "no interpreter": ("pair", container(env=[{"name": "PYTHONHOME", "value": "/nowhere"}])),
    "hungry": ("hungry", {}),
    "evicted": ("waiting", container(resources=NO_STORAGE)),
    "too long": ("waiting", {"job_spec_config": {"active_deadline_seconds": 40}}),
}


@pytest.fixture(scope="module")
def runs(probed):
    """The ids of runs launched at once in the location `single`; most of them only wait."""
    return {
        name: probed.launch("single", f"{job}_job", **{"dagster-k8s/config": json.dumps(config)})
        for name, (job, config) in RUNS.items()
    }


def assert_it_leaves_nothing(release, run_id):
    wait_for(lambda: not left_behind(release, run_id), "its Job to go")
    wait_for(lambda: not release.run_pods(run_id), "its pod to go")


def retried(release, run_id):
    """Whether Dagster retries it, which it records a moment after the failure."""
    tag = "dagster/will_retry"
    tags = wait_for(
        lambda: {tag: t[tag]} if tag in (t := release.run(run_id)["tags"]) else None, tag
    )
    return tags[tag] == "true"


@pytest.mark.parametrize(
    ("wrong", "reasons"),
    [
        ("no such image", [f"{MISSING} can't be pulled", "not found", "image.pullSecrets"]),
        ("no name of an image", ["Not An Image can't be used: InvalidImageName"]),
        ("no such secret", ["its container can't be made", 'secret "missing" not found']),
    ],
)
def test_run_that_can_never_begin_fails_at_once_and_is_not_retried(probed, runs, wrong, reasons):
    run_id = runs[wrong]
    probed.wait_for_run(run_id, {"FAILURE"})
    log = said(probed, run_id)
    assert all(reason in log for reason in reasons), log
    assert "longer than" not in log  # it didn't wait for the whole start timeout
    assert not retried(probed, run_id)
    assert_it_leaves_nothing(probed, run_id)


def test_run_that_no_node_takes_says_so_once_it_has_waited_long_enough(probed, runs):
    run_id = runs["no node"]
    probed.wait_for_run(run_id, {"FAILURE"})
    log = said(probed, run_id)
    assert "longer than 60 seconds to start" in log
    assert "no node takes the pod: 0/1 nodes are available" in log
    assert_it_leaves_nothing(probed, run_id)
    assert retried(probed, run_id)  # a node may be there by then


def test_run_that_is_killed_for_its_memory_says_so_and_is_retried(probed, runs):
    run_id = runs["hungry"]
    probed.wait_for_run(run_id, {"FAILURE"})
    assert "more memory than its limit of 512Mi; raise codeLocations" in said(probed, run_id)
    assert retried(probed, run_id)
    wait_for(lambda: not left_behind(probed, run_id), "its Job to go")


def test_run_that_is_killed_for_its_memory_before_it_begins_says_so(probed, runs):
    run_id = runs["too little memory to begin"]
    probed.wait_for_run(run_id, {"FAILURE"})
    assert "more memory than its limit of 32Mi" in said(probed, run_id)
    wait_for(lambda: not left_behind(probed, run_id), "its Job to go")


def test_run_that_its_node_evicts_is_told_with_the_nodes_words(probed, runs):
    run_id = runs["evicted"]
    probed.wait_for_run(run_id, {"FAILURE"})
    wait_for(
        lambda: "ephemeral" in said(probed, run_id) and "victed" in said(probed, run_id),
        lambda: said(probed, run_id),
    )
    assert retried(probed, run_id)
    wait_for(lambda: not left_behind(probed, run_id), "its Job to go")


def test_run_that_takes_longer_than_its_job_may_is_told_so(probed, runs):
    run_id = runs["too long"]
    probed.wait_for_run(run_id, {"FAILURE"})
    wait_for(lambda: "activeDeadlineSeconds" in said(probed, run_id), lambda: said(probed, run_id))
    wait_for(lambda: not left_behind(probed, run_id), "its Job to go")


def test_process_that_ends_before_it_begins_shows_its_last_lines(probed, runs):
    run_id = runs["no interpreter"]
    probed.wait_for_run(run_id, {"FAILURE"})
    log = said(probed, run_id)
    assert "its process ended with exit code 1; its last lines:" in log
    assert "encodings" in log
