"""`stack watch-environment`, with the real kubectl, a fake API, and a forge."""

import json

import pytest
import yaml
from click.testing import CliRunner

from chart.test_deployed import READY, kubeconfig
from fakes.github import TOKEN, fake_github
from scripts.promotion.cli import watch_command
from support.http_server import Reply, http_server
from support.promotion import (
    LOCATIONS,
    NEW,
    OLD,
    be_nobody,
    git,
    images_of,
    new_repository,
    reference,
)

INSTANCE = "freelancer-data-stack-dev"
OLDER = "2026-11-28T00:00:00Z"
PARTS = {"webserver": "dagster", "daemon": "dagster"} | {name: name for name in LOCATIONS}


@pytest.fixture
def github(tmp_path, monkeypatch):
    be_nobody(monkeypatch)
    root = new_repository(tmp_path / "repository")
    monkeypatch.setattr("scripts.promotion.cli.ROOT", root)
    with fake_github() as server:
        server.pulls.origin = root
        for name, value in {"URL": server.url, "REPOSITORY": server.repo, "TOKEN": TOKEN}.items():
            monkeypatch.setenv(f"FORGE_{name}", value)
        yield server


def labels(name):
    if name in LOCATIONS:
        return {"freelancer-data-stack/location": name}
    return {"app.kubernetes.io/component": name}


def pod_spec(image):
    return {"containers": [{"name": "it", "image": image}]}


def deployment(name, image):
    return {
        "metadata": {"name": f"{INSTANCE}-{name}", "generation": 1, "labels": labels(name)},
        "spec": {"template": {"spec": pod_spec(image)}},
        "status": READY,
    }


def pod(name, image, *, created=OLDER, **status):
    return {
        "metadata": {"name": f"{name}-1", "creationTimestamp": created, "labels": labels(name)},
        "spec": pod_spec(image),
        "status": {"containerStatuses": [{"name": "it", **status}]},
    }


def failed_job(name, image):
    condition = {"type": "Failed", "status": "True", "message": "Job has reached its limit"}
    return {
        "metadata": {"name": f"{name}-1", "labels": labels(name)},
        "spec": {"template": {"spec": pod_spec(image)}},
        "status": {"conditions": [condition]},
    }


@pytest.fixture
def watched(github, tmp_path, monkeypatch):
    """Watch a dev with these images, pods and Jobs; return code, output and statuses."""
    root = github.pulls.origin
    images = images_of(root, "dev")

    def run(*arguments, pods=(), jobs=(), **others):
        items = {
            "deployments": [
                deployment(name, others.get(part) or reference(images[part]))
                for name, part in PARTS.items()
            ],
            "pods": list(pods),
            "jobs": list(jobs),
        }

        def answer(request):
            kind = request.path.partition("?")[0].rpartition("/")[2]
            return Reply(200, {"kind": "List", "apiVersion": "v1", "items": items[kind]})

        with http_server(answer) as server:
            config = tmp_path / "config"
            config.write_text(yaml.safe_dump(kubeconfig(server.url)))
            monkeypatch.setenv("KUBECONFIG", str(config))
            done = CliRunner().invoke(watch_command, ["dev", "--context", "here", *arguments])
        assert not done.exception or isinstance(done.exception, SystemExit), done.exception
        return done, github.pulls.statuses

    run.images = images
    return run


def test_a_commit_whose_images_are_deployed_and_ready_gets_a_success(watched, github):
    done, statuses = watched()
    assert done.exit_code == 0, done.output
    head = git(github.pulls.origin, "rev-parse", "HEAD").strip()
    assert {(one["sha"], one["context"]) for one in statuses} == {(head, "deployed/dev")}
    assert [one["state"] for one in statuses] == ["pending", "success"]
    assert TOKEN not in done.output + json.dumps(statuses)


def test_a_pod_that_crashes_is_reported_in_words_and_the_command_fails(watched):
    image = reference(watched.images["quality"])
    crashed = {
        "ready": False, "restartCount": 2, "state": {"running": {}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
    }  # fmt: skip
    done, statuses = watched(pods=[pod("quality", image, **crashed)], quality=f"x@{OLD}")
    assert done.exit_code == 1
    assert statuses[-1]["state"] == "failure"
    said = "quality 111111111111: quality-1 ended 2 times, the last time with exit code 1"
    assert statuses[-1]["description"] == said
    assert watched.images["quality"].digest == NEW


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such"}}}, "no such"),
        (
            {
                "restartCount": 3,
                "lastState": {"terminated": {"exitCode": 9, "reason": "OOMKilled"}},
            },
            "ended 3 times, the last time with OOMKilled",
        ),
    ],
)
def test_why_a_pod_can_not_run_is_said(watched, status, says):
    found = pod("quality", reference(watched.images["quality"]), **status)
    done, _ = watched(pods=[found])
    assert says in done.output


def test_a_migration_that_failed_is_a_failure_before_any_deployment_changed(watched):
    job = failed_job("schema", reference(watched.images["dagster"]))
    done, _ = watched(jobs=[job], dagster=f"x@{OLD}")
    assert "schema-1 it failed: Job has reached its limit" in done.output


def test_one_crash_and_a_pod_that_just_began_are_waited_for(watched):
    image = reference(watched.images["quality"])
    once = {"ready": False, "restartCount": 1, "lastState": {"terminated": {"exitCode": 1}}}
    pulling = {"state": {"waiting": {"reason": "ImagePullBackOff"}}}
    found = [
        pod("quality", image, **once),
        pod("quality", image, created="2999-01-01T00:00:00Z", **pulling),
    ]
    done, statuses = watched("--within", "0", pods=found, quality=f"x@{OLD}")
    assert done.exit_code == 1
    assert "not after 0 s: freelancer-data-stack-dev-quality still has x@" in done.output
    assert len(statuses[-1]["description"]) <= 140


def test_a_cluster_that_gives_no_answer_leaves_no_pending_status(github, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text(yaml.safe_dump(kubeconfig("http://127.0.0.1:9")))
    monkeypatch.setenv("KUBECONFIG", str(config))
    done = CliRunner().invoke(watch_command, ["dev", "--context", "here"])
    assert "kubectl get failed" in str(done.exception)
    assert github.pulls.statuses[-1]["state"] == "failure"


def test_without_a_token_it_only_says_it(watched, monkeypatch):
    monkeypatch.delenv("FORGE_TOKEN")
    done, statuses = watched()
    assert "dev at" in done.output
    assert not statuses
