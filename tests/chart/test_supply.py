"""The images that the chart names, its description of itself, and `helm test`."""

import re
from urllib.parse import urlsplit

import pytest
import yaml

from chart.rendering import CHART, NAME, SCENARIOS, objects, one, pods
from scripts.chart_values_page import ROOT

ABOUT = yaml.safe_load((CHART / "Chart.yaml").read_text())
OIDC = (
    'auth={"mode":"oidc","oidc":{"issuerUrl":"https://id.example.org","clientId":"stack",'
    '"existingSecret":"oidc"}}'
)
DIGEST = "sha256:" + 64 * "a"
EACH_BY_DIGEST = (
    f'dagster.image.digest="{DIGEST}"',
    f'codeLocationDefaults.image.digest="{DIGEST}"',
    f'postgresql.image.digest="{DIGEST}"',
    f's3.image.digest="{DIGEST}"',
    f'auth.oidc.proxy.image.digest="{DIGEST}"',
)


def images(found):
    """Images of all containers in a rendering; a run has its code server's."""
    specs = [pod for name, pod in pods(found).items() if not name.startswith("run/")]
    parts = [c for pod in specs for c in [*pod["containers"], *pod.get("initContainers", ())]]
    return {c["image"] for c in parts}


def annotation(name):
    return yaml.safe_load(ABOUT["annotations"][f"artifacthub.io/{name}"])


@pytest.mark.parametrize("scenario", sorted({*SCENARIOS} - {"placed"}))
def test_every_image_has_a_version_or_a_digest(scenario):
    for image in images(objects(scenario)):
        name, _, tag = image.rpartition(":")
        assert name and re.search(r"\d", tag), image
        assert tag != "latest", image


def test_every_image_can_be_named_by_its_digest():
    assert all(
        image.endswith(f"@{DIGEST}") for image in images(objects("default", OIDC, *EACH_BY_DIGEST))
    )


def test_the_annotation_names_the_images_that_the_chart_names():
    listed = annotation("images")
    assert {entry["image"] for entry in listed} == images(objects("default", OIDC))
    assert len({entry["name"] for entry in listed}) == len(listed)


def test_a_catalog_of_charts_learns_what_it_needs():
    assert annotation("category") in {"integration-delivery", "database"}
    assert annotation("license") == "Apache-2.0"
    assert {change["kind"] for change in annotation("changes")} <= {
        "added", "changed", "deprecated", "removed", "fixed", "security",
    }  # fmt: skip
    urls = [ABOUT["home"], ABOUT["icon"], *ABOUT["sources"]]
    urls += [entry["url"] for entry in annotation("links")]
    urls += [entry["url"] for entry in ABOUT["maintainers"]]
    assert {urlsplit(url).scheme for url in urls} == {"https"}
    for url in urls:
        inside = re.sub(
            r"^/your-org/freelancer-data-stack(/blob)?(/main)?/?", "", urlsplit(url).path
        )
        assert (ROOT / inside).exists(), url


def test_the_chart_tells_what_its_version_changed():
    versions = re.findall(r"^## (\S+)$", (CHART / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == ABOUT["version"]
    assert len(set(versions)) == len(versions)


def trial(*settings):
    found = objects("default", *settings)
    return one(found, "Pod", "trial")


def test_helm_test_launches_a_job_of_the_release_by_its_own_workspace():
    pod = trial()
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    [container] = pod["spec"]["containers"]
    assert container["command"][2] == "pods.trial"
    assert f"--ui=http://{NAME}-webserver:80" in container["command"]
    assert "--open" not in container["command"]
    assert pod["spec"]["restartPolicy"] == "Never"
    waits = int(re.search(r"--seconds=(\d+)", str(container["command"]))[1])
    assert pod["spec"]["activeDeadlineSeconds"] > waits


def test_helm_test_knows_where_the_ui_is_and_whether_it_asks_for_a_login():
    [container] = trial('auth.mode="none"', 'webserver={"pathPrefix":"/dagster"}')["spec"][
        "containers"
    ]
    assert "--open" in container["command"]
    assert f"--ui=http://{NAME}-webserver:80/dagster" in container["command"]
    [container] = trial('webserver={"service":{"port":8080}}')["spec"]["containers"]
    assert f"--ui=http://{NAME}-webserver:8080" in container["command"]


@pytest.mark.parametrize(
    "setting",
    ["helmTest.enabled=false", 'codeLocations={"transformation":{"enabled":false}}'],
)
def test_without_its_location_there_is_no_test(setting):
    assert not [o for o in objects("default", setting) if o["kind"] == "Pod"]


def test_services_are_of_the_families_that_values_name():
    found = objects(
        "default",
        OIDC,
        'service={"ipFamilyPolicy":"RequireDualStack","ipFamilies":["IPv6","IPv4"]}',
    )
    services = [o["spec"] for o in found if o["kind"] == "Service"]
    assert len(services) == 9
    assert {s["ipFamilyPolicy"] for s in services} == {"RequireDualStack"}
    assert all(s["ipFamilies"] == ["IPv6", "IPv4"] for s in services)
    for service in [o["spec"] for o in objects() if o["kind"] == "Service"]:
        assert not {"ipFamilyPolicy", "ipFamilies"} & set(service)
