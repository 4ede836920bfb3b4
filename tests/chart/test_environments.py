"""Environments only differ from the chart where they say so, where Argo CD and Flux look."""

import fnmatch
import re

import pytest
import yaml

from chart.environments import DEFAULTS, ENVS, LOCATIONS, images, objects_of, rendered, values_flags
from chart.rendering import CHART, helm, pods
from chart.tools import output
from scripts.chart_values_page import ROOT
from scripts.promotion.images import ENVIRONMENTS, RELEASE, images_file, read_images, with_images

K8S = ROOT / "k8s"


def leaves(values, path=()):
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def default(path):
    """The chart's default at a path; for a location, the default for all locations."""
    values = DEFAULTS
    if path[0] == "codeLocations":
        values, path = DEFAULTS["codeLocationDefaults"], path[2:]
    for key in path:
        values = values.get(key, {}) if isinstance(values, dict) else {}
    return values


def test_environments_are_the_folders():
    assert {folder.name for folder in ENVS.iterdir()} == set(ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_renders_with_its_own_images_and_host(environment):
    found = objects_of(environment)
    values = yaml.safe_load((ENVS / environment / "values.yaml").read_text())
    named = read_images(images_file(ROOT, environment))
    registry = values["image"]["registry"]
    own = {image for image in images(found) if image.startswith(f"{registry}/")}
    assert {image.removeprefix(f"{registry}/").rsplit("@")[0].rsplit(":")[0] for image in own} == {
        image.repository for image in named.values()
    }
    [ingress] = [o for o in found if o["kind"] == "Ingress"]
    assert ingress["spec"]["rules"][0]["host"] == values["ingress"]["host"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_passes_helm_lint(environment):
    said = helm("lint", "--strict", str(CHART), *values_flags(environment))
    assert "0 chart(s) failed" in said


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_values_say_only_what_differs_from_the_chart(environment):
    values = yaml.safe_load((ENVS / environment / "values.yaml").read_text())
    assert [path for path, value in leaves(values) if value == default(path)] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_image_of_the_chart_is_named(environment):
    file = images_file(ROOT, environment)
    named = read_images(file)
    assert sorted(named) == sorted(["dagster", *LOCATIONS])
    assert with_images(file.read_text(), named) == file.read_text()


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_staging_and_prod_hold_no_store_and_no_credential(environment):
    found = objects_of(environment)
    assert not [o for o in found if o["kind"] == "StatefulSet"]
    assert not [o["stringData"] for o in found if o["kind"] == "Secret" and o.get("stringData")]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_examples_of_secrets_have_what_the_pods_read_and_nothing_else(environment):
    found = pods(objects_of(environment)).values()
    referred = [
        entry["valueFrom"]["secretKeyRef"]
        for pod in found
        for container in [*pod.get("initContainers", []), *pod["containers"]]
        for entry in container.get("env", [])
        if "secretKeyRef" in entry.get("valueFrom", {})
    ]
    read = {(one["name"], one["key"]) for one in referred if not one["name"].startswith(RELEASE)}
    example = (ENVS / environment / "secrets.example.yaml").read_text()
    fetched = list(yaml.safe_load_all(example))
    assert {
        (one["spec"]["target"]["name"], each["secretKey"])
        for one in fetched
        for each in one["spec"]["data"]
    } == read
    sealed = list(
        yaml.safe_load_all((ENVS / environment / "sealed-secrets.example.yaml").read_text())
    )
    assert {
        (one["metadata"]["name"], key) for one in sealed for key in one["spec"]["encryptedData"]
    } == read
    assert {one["metadata"]["namespace"] for one in sealed} == {f"{RELEASE}-{environment}"}
    paths = {each["remoteRef"]["key"] for one in fetched for each in one["spec"]["data"]}
    assert paths == {f"{environment}/{one['metadata']['name']}" for one in fetched}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_else_comes_into_the_namespace_reaches_nothing(environment):
    policies = [o["spec"] for o in objects_of(environment) if o["kind"] == "NetworkPolicy"]
    assert [one for one in policies if one["podSelector"] == {}] == [
        {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ]


def test_only_prod_starts_schedules_by_itself():
    def mode(environment):
        [env] = [o for o in objects_of(environment) if o["metadata"]["name"].endswith("-env")]
        return env["data"]["DAGSTER_ENV"]

    assert {name: mode(name) for name in ENVIRONMENTS} == {
        "dev": "dev", "staging": "test", "prod": "prod",
    }  # fmt: skip


def test_argo_cd_makes_an_application_of_each_environment():
    text = (K8S / "argocd" / "applicationset.yaml").read_text()
    assert len(re.findall(r"https://\S+\.git", text)) == 1
    spec = yaml.safe_load(text)["spec"]
    [generator] = [one["git"] for one in spec["generators"]]
    [pattern] = [one["path"] for one in generator["directories"]]
    folders = [str((ENVS / name).relative_to(ROOT)) for name in ENVIRONMENTS]
    assert all(fnmatch.fnmatch(folder, pattern) for folder in folders)
    source = spec["template"]["spec"]["source"]
    assert (source["repoURL"], source["targetRevision"]) == (
        generator["repoURL"], generator["revision"],
    )  # fmt: skip
    assert ROOT / source["path"] == CHART
    for name, folder in zip(ENVIRONMENTS, folders, strict=True):
        files = [
            (CHART / file.replace("{{.path.path}}", folder)).resolve()
            for file in source["helm"]["valueFiles"]
        ]
        assert files == [ENVS / name / "values.yaml", ENVS / name / "images.yaml"]
    names = {
        spec["template"]["metadata"]["name"],
        spec["template"]["spec"]["destination"]["namespace"],
    }
    assert names == {RELEASE + "-{{.path.basename}}"}
    labels = spec["template"]["spec"]["syncPolicy"]["managedNamespaceMetadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_flux_releases_what_argo_cd_would(environment, tmp_path):
    repository = yaml.safe_load((K8S / "flux" / "repository.yaml").read_text())
    kustomization = yaml.safe_load((K8S / "flux" / f"{environment}.yaml").read_text())
    folder = ROOT / kustomization["spec"]["path"]
    assert folder == ENVS / environment
    built = {o["kind"]: o for o in yaml.safe_load_all(output("kubectl", "kustomize", str(folder)))}
    release = built["HelmRelease"]
    namespace = f"{RELEASE}-{environment}"
    assert built["Namespace"]["metadata"]["name"] == namespace
    labels = built["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {o["metadata"].get("namespace", namespace) for o in built.values()} == {namespace}
    for reference in (
        release["spec"]["chart"]["spec"]["sourceRef"],
        kustomization["spec"]["sourceRef"],
    ):
        assert (reference["kind"], reference["name"]) == (
            repository["kind"], repository["metadata"]["name"],
        )  # fmt: skip
    assert ROOT / release["spec"]["chart"]["spec"]["chart"] == CHART
    flags = []
    for source in release["spec"]["valuesFrom"]:
        assert source["name"] == built["ConfigMap"]["metadata"]["name"]
        file = tmp_path / source["valuesKey"]
        file.write_text(built["ConfigMap"]["data"][source["valuesKey"]])
        flags += ["--values", str(file)]
    assert rendered(*flags, release=release["metadata"]["name"]) == objects_of(environment)
