"""What the registry says about images and chart. REGISTRY is its address from here."""

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
import yaml

from cluster.release import helm
from scripts.attest import PROVENANCE, SBOM, STATEMENTS, attached, attest, references
from scripts.chart_values_page import CHART, ROOT
from scripts.programs import output_of, plain_http

SCRIPT = "scripts/publish-chart.sh"


@pytest.fixture(scope="module")
def registry():
    if address := os.environ.get("REGISTRY"):
        return address
    if os.environ.get("CLUSTER_TESTS") == "required":
        raise pytest.UsageError("no REGISTRY: the address of IMAGE_REGISTRY from here")
    pytest.skip("no REGISTRY: the address of IMAGE_REGISTRY from here")


@pytest.fixture
def attested(images, registry):
    """The image of webserver and daemon, with what is attached to it, by kind."""
    reference = references(images, registry)["dagster"]
    list(attest([("dagster", reference)], Path(os.environ.get("PROVENANCE", STATEMENTS))))
    return reference, attached(reference)


def plain_http_flag():
    return ("--plain-http",) if plain_http() else ()


def document(reference, digest):
    """An attached document."""
    repository = reference.partition("@")[0]
    plain = plain_http_flag()
    manifest = json.loads(output_of("oras", "manifest", "fetch", *plain, f"{repository}@{digest}"))
    [layer] = manifest["layers"]
    fetched = ("blob", "fetch", "--output", "-", *plain, f"{repository}@{layer['digest']}")
    return json.loads(output_of("oras", *fetched))


def test_an_image_carries_what_it_contains_and_how_it_was_built(attested):
    reference, kinds = attested
    packages = {p["name"]: p for p in document(reference, kinds[SBOM])["packages"]}
    assert {"dagster", "dagster-webserver", "freelancer-pods", "libc6"} <= set(packages)
    said = document(reference, kinds[PROVENANCE])
    assert reference.endswith(said["subject"][0]["digest"]["sha256"])
    definition = said["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["dockerfile"] == "images/dagster/Dockerfile"
    commit = definition["externalParameters"]["arguments"]["REVISION"]
    assert {"gitCommit": commit} in [m["digest"] for m in definition["resolvedDependencies"]]


def test_an_image_that_is_attested_again_carries_nothing_twice(attested, images, registry):
    reference, kinds = attested
    said = json.loads(
        output_of("oras", "discover", *plain_http_flag(), reference, "--format", "json")
    )
    assert len(said["referrers"]) == len(kinds) == 2


def test_a_chart_is_published_once_and_renders_from_the_registry(registry, tmp_path):
    shutil.copytree(CHART, tmp_path / CHART.relative_to(ROOT))
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / SCRIPT, tmp_path / SCRIPT)
    git = ["git", "-C", tmp_path, "-c", "user.name=t", "-c", "user.email=t@example.org"]
    to = f"oci://{registry}/tests/{uuid.uuid4().hex}"

    def publish():
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "All"], check=True)
        return subprocess.run([tmp_path / SCRIPT, to], capture_output=True, text=True, check=False)

    subprocess.run([*git, "init", "--quiet"], check=True)
    assert publish().returncode == 0
    assert "is there already, the same" in publish().stdout
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    name = f"{to}/freelancer-data-stack"
    flags = ("--version", version, "--kube-version", "1.34.0", *plain_http_flag())
    kinds = {o["kind"] for o in yaml.safe_load_all(helm("template", "stack", name, *flags)) if o}
    assert {"Deployment", "StatefulSet", "Job", "NetworkPolicy"} <= kinds
    # A clone without tags learns it from the registry.
    subprocess.run([*git, "tag", "--delete", f"chart-{version}"], check=True)
    with (tmp_path / "charts/freelancer-data-stack/values.yaml").open("a") as values:
        values.write("# more\n")
    refused = publish()
    assert refused.returncode == 1
    assert f"has {version} already, with other content" in refused.stderr
