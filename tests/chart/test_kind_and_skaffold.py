"""kind's cluster, and what skaffold deploys to it, fit the chart and the images."""

import subprocess
import tomllib

import pytest
import yaml

from chart.environments import DEFAULTS, LOCATIONS, images, rendered
from chart.tools import program
from scripts.chart_values_page import ROOT

KIND = yaml.safe_load((ROOT / "kind-config.yaml").read_text())
SKAFFOLD = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
ARTIFACTS = {artifact["image"]: artifact for artifact in SKAFFOLD["build"]["artifacts"]}
[RELEASE] = SKAFFOLD["deploy"]["helm"]["releases"]
# Answers until kind has checked its configuration, and never makes a container.
DOCKER = """\
#!/bin/sh
case "$1" in
info) echo '{}' ;;
ps | inspect) ;;
*) echo "no container is made here" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def kind(tmp_path, monkeypatch):
    """What kind says about a configuration, with a fake docker."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)

    def says(config: str) -> str:
        file = tmp_path / "config.yaml"
        file.write_text(config)
        environment = {"PATH": str(tmp_path), "KIND_EXPERIMENTAL_PROVIDER": "docker"}
        done = subprocess.run(
            [program("kind"), "create", "cluster", "--config", str(file),
             "--kubeconfig", str(tmp_path / "kubeconfig")],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode, "a container was made"
        return done.stderr

    return says


def test_kind_accepts_its_configuration(kind):
    said = kind((ROOT / "kind-config.yaml").read_text())
    assert f'Creating cluster "{KIND["name"]}"' in said
    assert "no container is made here" in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("extraPortMappings", "extraPorts", "field extraPorts not found"),
        ("hostPort: 443", "hostPort: 80", "port mapping"),
        ("role: control-plane", "role: worker", "at least one control-plane"),
    ],
)
def test_kind_would_refuse_a_mistake_in_it(kind, old, new, says):
    said = kind((ROOT / "kind-config.yaml").read_text().replace(old, new))
    assert says in said
    assert "Creating cluster" not in said


def test_node_takes_the_ports_of_the_ingress():
    [node] = KIND["nodes"]
    assert {(p["hostPort"], p["containerPort"]) for p in node["extraPortMappings"]} == {
        (80, 80), (443, 443),
    }  # fmt: skip


def test_ingress_controller_takes_them_on_that_node():
    found = list(yaml.safe_load_all((ROOT / "k8s/kind/ingress.yaml").read_text()))
    [pod] = [o["spec"]["template"]["spec"] for o in found if o["kind"] == "Deployment"]
    [node], [container] = KIND["nodes"], pod["containers"]
    assert pod["nodeSelector"].items() <= node["labels"].items()
    assert {p["hostPort"] for p in container["ports"]} == {
        p["containerPort"] for p in node["extraPortMappings"]
    }
    listened = {a.rpartition(":")[2] for a in container["args"] if ".address=:" in a}
    assert {str(p["containerPort"]) for p in container["ports"]} < listened
    [ingress_class] = [o for o in found if o["kind"] == "IngressClass"]
    assert "true" in ingress_class["metadata"]["annotations"].values(), "the default"


def test_node_finds_the_charts_default_registry():
    [mount] = KIND["nodes"][0]["extraMounts"]
    [patch] = map(tomllib.loads, KIND["containerdConfigPatches"])
    [plugin] = patch["plugins"].values()
    assert plugin["registry"]["config_path"] == mount["containerPath"]
    # containerd's folder names for host:port.
    host, port = DEFAULTS["image"]["registry"].split(":")
    hosts = ROOT / mount["hostPath"] / f"{host}_{port}_" / "hosts.toml"
    assert tomllib.loads(hosts.read_text()) == {"host": {"http://kind-registry:5000": {}}}


@pytest.mark.parametrize("name", ARTIFACTS)
def test_artifact_is_built_from_a_dockerfile_of_the_repository(name):
    artifact = ARTIFACTS[name]
    context = ROOT / artifact.get("context", ".")
    assert context == ROOT
    dockerfile = (context / artifact["docker"]["dockerfile"]).read_text()
    arguments = artifact["docker"].get("buildArgs", {})
    assert all(f"\nARG {argument}\n" in dockerfile for argument in arguments)
    assert name.rpartition("/")[2] == arguments.get("LOCATION", "dagster")


def test_artifacts_are_the_images_of_the_chart():
    built = [
        a["docker"].get("buildArgs", {}).get("LOCATION", "dagster") for a in ARTIFACTS.values()
    ]
    assert sorted(built) == sorted(["dagster", *LOCATIONS])
    version = yaml.safe_load((ROOT / RELEASE["chartPath"] / "Chart.yaml").read_text())["appVersion"]
    assert images(rendered(release="stack")) >= {f"{name}:{version}" for name in ARTIFACTS}


def settings(digest: str) -> list[str]:
    """The flags for helm that skaffold makes from its release, after a build of all artifacts."""
    known = {}
    for name in ARTIFACTS:
        suffix = name.translate(str.maketrans("./:-", "____"))
        for part, value in {"REPO": name, "TAG": "built", "DIGEST": digest}.items():
            known[f"{{{{.IMAGE_{part}_{suffix}}}}}"] = value
    templates = {path: known[template] for path, template in RELEASE["setValueTemplates"].items()}
    values = RELEASE["setValues"] | templates
    return [part for path, value in values.items() for part in ("--set", f"{path}={value}")]


@pytest.mark.parametrize("path", [*RELEASE["setValues"], *RELEASE["setValueTemplates"]])
def test_path_that_skaffold_sets_is_one_of_the_chart(path):
    keys = path.split(".")
    values = DEFAULTS
    if keys[0] == "codeLocations":
        assert keys[1] in DEFAULTS["codeLocations"]
        values, keys = DEFAULTS["codeLocationDefaults"], keys[2:]
    if keys[:-1] == ["stack", "env"]:
        keys = keys[:-1]
    for key in keys:
        assert key in values, path
        values = values[key]


@pytest.mark.parametrize(
    ("digest", "reference"),
    [(f"sha256:{'0' * 64}", f"@sha256:{'0' * 64}"), ("", ":built")],
    ids=["pushed", "loaded into the node"],
)
def test_release_runs_every_image_that_was_built(digest, reference):
    found = rendered(*settings(digest), release=RELEASE["name"])
    assert images(found) >= {f"{name}{reference}" for name in ARTIFACTS}
    own = {image for image in images(found) if "freelancer-data-stack/" in image}
    assert own == {f"{name}{reference}" for name in ARTIFACTS}


def test_deploy_and_port_forward_are_for_the_cluster_and_the_release():
    assert SKAFFOLD["deploy"]["kubeContext"] == f"kind-{KIND['name']}"
    [forward] = SKAFFOLD["portForward"]
    assert forward["namespace"] == RELEASE["namespace"]
    found = rendered(*settings(""), release=RELEASE["name"])
    [service] = [
        o for o in found
        if (o["kind"].lower(), o["metadata"]["name"])
        == (forward["resourceType"], forward["resourceName"])
    ]  # fmt: skip
    assert [port["port"] for port in service["spec"]["ports"]] == [forward["port"]]
