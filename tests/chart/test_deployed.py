"""What a cluster says about its Deployments, with the real kubectl and a fake API."""

from urllib.parse import parse_qs

import pytest
import yaml

from chart.rendering import objects
from scripts.promotion.cluster import deployments
from scripts.promotion.images import PromotionError
from support.http_server import Reply, http_server

PATH = "/apis/apps/v1/namespaces/freelancer-data-stack-dev/deployments"
READY = {
    "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
    "conditions": [{"type": "Progressing", "status": "True"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def rendered():
    """The chart's own Deployments, as an API server lists them."""
    return [one for one in objects() if one["kind"] == "Deployment"]


@pytest.fixture
def look(tmp_path, monkeypatch, rendered):
    """Ask a cluster whose Deployments have this status."""

    def ask(status, path=PATH, **spec):
        items = [
            one | {
                "metadata": one["metadata"] | {"generation": 1},
                "spec": one["spec"] | spec, "status": status,
            }
            for one in rendered
        ]  # fmt: skip

        def answer(request):
            if request.path.partition("?")[0] != path:
                return Reply(404, {"kind": "Status", "message": "not found", "code": 404})
            return Reply(200, {"kind": "DeploymentList", "apiVersion": "apps/v1", "items": items})

        with http_server(answer) as server:
            config = tmp_path / "config"
            config.write_text(yaml.safe_dump(kubeconfig(server.url)))
            monkeypatch.setenv("KUBECONFIG", str(config))
            found = deployments("dev", "here")
            (asked,) = [one.path for one in server.requests if "deployments" in one.path]
            selected = parse_qs(asked.partition("?")[2])["labelSelector"]
            assert selected == ["app.kubernetes.io/instance=freelancer-data-stack-dev"]
            return found

    return ask


def kubeconfig(url):
    return {
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }  # fmt: skip


def test_each_deployment_of_the_chart_is_known_for_what_it_is(look):
    found = look(READY)
    assert sorted(one.part for one in found) == [
        "catalog", "dagster", "dagster", "ingestion", "quality", "transformation",
    ]  # fmt: skip
    assert all(not one.trouble and f"/{one.part}" in one.image for one in found)


@pytest.mark.parametrize(
    ("status", "spec", "says"),
    [
        ({}, {}, "its last change is not taken up yet"),
        (READY | {"observedGeneration": 0}, {}, "its last change is not taken up yet"),
        (READY | {"readyReplicas": 0}, {}, "0 of 1 replicas are ready"),
        (READY | {"replicas": 2}, {}, "1 of 1 replicas are rolled out"),
        (READY | {"updatedReplicas": 1}, {"replicas": 2}, "1 of 2 replicas are rolled out"),
        (READY, {"replicas": 0}, "no replica is wanted"),
        (
            READY | {"conditions": [{"type": "Progressing", "status": "False", "message": "late"}]},
            {},
            "late",
        ),
    ],
)
def test_what_keeps_a_deployment_from_being_ready_is_said(look, status, spec, says):
    assert {one.trouble for one in look(status, **spec)} == {says}


def test_a_cluster_that_does_not_answer_is_one_line(look):
    with pytest.raises(PromotionError, match=r"kubectl .* failed: "):
        look(READY, path="/elsewhere")
