"""A restricted namespace accepts every pod, of runs too, in every scenario and environment."""

import pytest

from chart.environments import objects_of
from chart.network import selects
from chart.rendering import (
    NEWEST,
    OLDEST,
    SCENARIOS,
    VERSIONS,
    Object,
    objects,
    pods,
    run_pods,
    secrets_of,
    templates,
)
from scripts.promotion.images import ENVIRONMENTS

CASES = [*SCENARIOS, *(f"k8s/envs/{name}" for name in ENVIRONMENTS)]
UNITS = {"m": 0.001, "": 1.0, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
NODE_CPUS, SYSTEM_CPUS = 2.0, 0.3


def quantity(text: str | int | float) -> float:
    digits = str(text).rstrip("KMGim")
    return float(digits) * UNITS[str(text)[len(digits) :]]


def made(case: str, kube: str = NEWEST) -> list[Object]:
    """The objects of a scenario or an environment."""
    if case in SCENARIOS:
        return objects(case, kube=kube)
    return objects_of(case.rpartition("/")[2], kube)


def containers(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


@pytest.mark.parametrize(
    ("case", "kube"),
    [
        (case, kube)
        for case in CASES
        for kube in ((OLDEST, NEWEST) if case in SCENARIOS else VERSIONS)
    ],
)
def test_every_pod_is_restricted_and_bounded(case, kube):
    found = pods(made(case, kube))
    assert any(name.startswith("run/") for name in found)
    for name, pod in found.items():
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, name
        # No fixed user: the platform chooses one, as in the scenario `placed`.
        assert security.get("runAsUser", 10001 if case == "placed" else 0) >= 999, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        volumes = pod.get("volumes", [])
        kinds = {kind for volume in volumes for kind in set(volume) - {"name"}}
        assert kinds <= {"emptyDir", "configMap", "secret"}, name
        assert all(v["emptyDir"].get("sizeLimit") for v in volumes if "emptyDir" in v), name
        for container in containers(pod):
            where = (name, container["name"])
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, where
            assert context["allowPrivilegeEscalation"] is False, where
            assert context["capabilities"] == {"drop": ["ALL"]}, where
            for kind in ("requests", "limits"):
                assert set(container["resources"][kind]) == {
                    "cpu",
                    "memory",
                    "ephemeral-storage",
                }, where


@pytest.mark.parametrize("case", CASES)
def test_names_of_a_namespace_are_unique_and_fit_a_dns_label(case):
    found = made(case)
    names = [(o["apiVersion"], o["kind"], o["metadata"]["name"]) for o in found]
    assert len(names) == len(set(names))
    assert all(len(name) <= 63 for *_, name in names)
    assert len({o["metadata"]["namespace"] for o in found}) == 1


def test_default_install_and_two_runs_fit_a_node_of_two_cores():
    found = objects()

    def cpus(pod):
        return sum(quantity(c["resources"]["requests"]["cpu"]) for c in pod["containers"])

    beside = ("run/", "Pod/")
    standing = sum(cpus(pod) for name, pod in pods(found).items() if not name.startswith(beside))
    largest = sorted((cpus(pod) for pod in run_pods(found).values()), reverse=True)[:2]
    assert standing + sum(largest) <= NODE_CPUS - SYSTEM_CPUS


@pytest.mark.parametrize("scenario", ["default", "external", "locations"])
def test_no_two_locations_read_the_same_secret(scenario):
    found = objects(scenario)
    server = {n: secrets_of(p) for n, p in pods(found).items() if n.startswith("Deployment/")}
    seen: set[str] = set()
    for name, pod in run_pods(found).items():
        own = secrets_of(pod)
        assert own and not own & seen, name
        seen |= own
        # Its server's init container also reads the run storage's password.
        [of_server] = [s for n, s in server.items() if n.endswith(f"-{name}")]
        assert of_server - own <= {"prod-freelancer-data-stack-dagster"}


@pytest.mark.parametrize("case", CASES)
def test_no_service_of_the_namespace_sets_a_variable(case):
    """Kubernetes names them after Services: one called `airbyte` would set AIRBYTE_PORT."""
    linked = {n for n, pod in pods(made(case)).items() if pod.get("enableServiceLinks", True)}
    assert not linked


def test_only_what_talks_to_kubernetes_has_a_token():
    found = objects("k8s-job-executor")
    holders = {name for name, pod in pods(found).items() if pod["automountServiceAccountToken"]}
    assert holders == {
        "Deployment/prod-freelancer-data-stack-webserver",
        "Deployment/prod-freelancer-data-stack-daemon",
        "run/transformation",
    }
    roles = {o["metadata"]["name"]: o["rules"] for o in found if o["kind"] == "Role"}
    assert {name.removeprefix("prod-freelancer-data-stack-") for name in roles} == {
        "webserver", "daemon", "transformation",
    }  # fmt: skip
    granted = {r for rules in roles.values() for rule in rules for r in rule["resources"]}
    assert granted == {"jobs", "jobs/status", "pods", "pods/log", "events"}
    assert "*" not in {v for rules in roles.values() for rule in rules for v in rule["verbs"]}


@pytest.mark.parametrize("others", ["other", "prod-2"])
def test_two_releases_in_one_namespace_share_no_name_and_select_no_pod_of_each_other(others):
    ours, theirs = objects(), objects(release=others)
    names, other_names = (
        {(o["kind"], o["metadata"]["name"]) for o in found} for found in (ours, theirs)
    )
    assert not names & other_names
    labels = [t["metadata"]["labels"] for t in templates(theirs).values()]
    selectors = [
        selector
        for o in ours
        for selector in (
            o.get("spec", {}).get("podSelector"),
            o.get("spec", {}).get("selector") if o["kind"] != "Service" else None,
            {"matchLabels": o["spec"]["selector"]} if o["kind"] == "Service" else None,
        )
        if selector
    ]
    assert len(selectors) > 15
    assert not [s for s in selectors for held in labels if selects(s, held)]
    own = [template["metadata"]["labels"] for template in templates(ours).values()]
    services = [{"matchLabels": o["spec"]["selector"]} for o in ours if o["kind"] == "Service"]
    assert all(any(selects(service, held) for held in own) for service in services)
