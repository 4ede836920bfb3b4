"""Each part has the rights in the cluster that it needs, and no others."""

import pytest

from chart.rendering import NAME, objects, one

END = {"jobs": {"delete"}, "pods": {"list", "delete"}}
START = END | {
    "jobs": {"create", "delete"},
    "jobs/status": {"get"},
    "pods/log": {"get"},
    "events": {"list"},
}


def allowed(found, name):
    verbs: dict[str, set[str]] = {}
    for rule in one(found, "Role", name)["rules"]:
        for resource in rule["resources"]:
            verbs.setdefault(resource, set()).update(rule["verbs"])
    return verbs


@pytest.mark.parametrize(
    ("name", "verbs"),
    [
        ("webserver", END),  # ends runs
        ("daemon", START | {"jobs": {"create", "delete", "list"}}),  # and finds left-over Jobs
        ("transformation", START | {"pods": {"get", "list", "delete"}}),  # its pod owns the steps'
    ],
)
def test_role_has_the_verbs_that_are_used(name, verbs):
    assert allowed(objects("k8s-job-executor"), name) == verbs


def test_runs_in_one_process_may_do_nothing_in_the_cluster():
    roles = {o["metadata"]["name"] for o in objects() if o["kind"] == "Role"}
    assert roles == {f"{NAME}-webserver", f"{NAME}-daemon"}


def test_daemon_is_the_one_that_looks_at_pods():
    daemon = one(objects(), "Deployment", "daemon")["spec"]["template"]["spec"]["containers"][0]
    assert daemon["command"][:3] == ["python", "-m", "pods.daemon"]
    mounted = {m["mountPath"] for m in daemon["volumeMounts"]}
    assert daemon["command"][3] in mounted
