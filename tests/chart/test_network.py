"""Who may reach whom, computed from the rendered policies."""

import pytest

from chart.network import ELSEWHERE, Place, allows, places, policies_of
from chart.rendering import SCENARIOS, objects

FOREIGN = Place({"app": "of somebody else"})  # a foreign pod in the same namespace
NOT_OURS = Place({"app.kubernetes.io/instance": "another", "app.kubernetes.io/component": "daemon"})
PORTS = {"webserver": 3000, "postgresql": 5432, "s3": 8333}
API, HTTPS, SMTP, DNS = 6443, 443, 25, 53

# What each pod of the default install may connect to, in this order; `-` is nothing.
WAYS = ("webserver", "server", "postgresql", "s3", "the API server", "a host", "its mail")
TABLE = """
webserver              -  x  x  x  x  -  -
daemon                 -  x  x  x  x  -  -
observability          -  -  x  x  -  -  -
schema                 -  -  x  x  -  -  -
sample-data            -  -  -  x  -  -  -
trial                  x  x  x  -  -  -  -
postgresql             -  -  -  -  -  -  -
s3                     -  -  -  -  -  -  -
server of ingestion    x  -  x  x  x  x  x
run of ingestion       x  -  x  x  x  x  x
step of ingestion      x  -  x  x  x  x  x
server of catalog      -  -  x  x  -  -  -
run of catalog         -  -  x  x  -  -  -
run of quality         -  -  x  x  -  -  -
run of transformation  -  -  x  x  -  -  -
"""


def ways(found, source: Place) -> dict[str, bool]:
    """Whether that place may connect to each of WAYS."""
    policies, pods = policies_of(found), places(found)
    servers = [pod for name, pod in pods.items() if name.startswith("server of ")]
    reached = {name: allows(policies, source, pods[name], port) for name, port in PORTS.items()}
    [reached["server"]] = {allows(policies, source, server, 4000) for server in servers}
    for name, port in (("the API server", API), ("a host", 8080), ("its mail", SMTP)):
        reached[name] = allows(policies, source, ELSEWHERE, port)
    return reached


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_each_pod_reaches_what_it_needs_and_nothing_else(row):
    name, *marks = row.rsplit(maxsplit=len(WAYS))
    found = objects()
    assert ways(found, places(found)[name]) == {
        way: mark == "x" for way, mark in zip(WAYS, marks, strict=True)
    }


@pytest.mark.parametrize("stranger", [FOREIGN, NOT_OURS, ELSEWHERE])
def test_a_stranger_reaches_the_ui_and_nothing_else(stranger):
    found = objects()
    policies = policies_of(found)
    open_to = {
        (name, port)
        for name, pod in places(found).items()
        for port in (3000, 4000, 5432, 8333, 9333, 8888, 80)
        if allows(policies, stranger, pod, port)
    }
    assert open_to == {("webserver", 3000)}


def test_the_ui_is_closed_to_all_but_the_peers_that_are_named():
    peers = '[{"podSelector":{"matchLabels":{"app":"ingress"}}},{"ipBlock":{"cidr":"10.0.0.0/8"}}]'
    found = objects("default", f"networkPolicy.ingressFrom={peers}")
    policies, ui = policies_of(found), places(found)["webserver"]
    assert not allows(policies, FOREIGN, ui, 3000)
    assert not allows(policies, ELSEWHERE, ui, 3000)
    assert allows(policies, Place({"app": "ingress"}), ui, 3000)
    assert allows(policies, Place(address="10.1.2.3"), ui, 3000)


def test_hardened_only_the_ingress_controller_reaches_the_ui():
    found = objects("hardened")
    policies, front, ui = (
        policies_of(found), places(found)["proxy"], places(found)["webserver"]
    )  # fmt: skip
    controller = Place({"app": "traefik"}, namespace="ingress")
    assert allows(policies, controller, front, 4180)
    assert allows(policies, front, ui, 3000)
    for stranger in (Place({"app": "traefik"}, namespace="elsewhere"), FOREIGN):
        assert not allows(policies, stranger, front, 4180)
    for client in (controller, FOREIGN):
        assert not allows(policies, client, ui, 3000)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_pod_is_bound_both_ways_and_may_ask_for_names(scenario):
    found = objects(scenario)
    policies = policies_of(found)
    for name, pod in places(found).items():
        assert not allows(policies, FOREIGN, pod, 9999), name
        open_out = name.endswith("of ingestion") and scenario != "hardened"
        assert allows(policies, pod, ELSEWHERE, 9999) == open_out, name
        assert allows(policies, pod, ELSEWHERE, DNS), name


def test_a_run_that_starts_jobs_reaches_the_api_server_and_its_steps_do_not():
    found = objects("k8s-job-executor")
    policies, pods = policies_of(found), places(found)
    may = {n for n, p in pods.items() if allows(policies, p, ELSEWHERE, API)}
    of_ingestion = {f"{kind} of ingestion" for kind in ("server", "run", "step")}
    assert may == {"webserver", "daemon", "run of transformation"} | of_ingestion


def test_stores_of_your_own_are_reached_at_their_ports():
    found = objects("external")
    policies, pods = policies_of(found), places(found)
    for name, opened in {
        "run of quality": {5433, 443},
        "daemon": {5433, 443, API},  # 443 is also the API server's
        "schema": {5433},
        "webserver": {5433, 443, API},
    }.items():
        tried = (5432, 5433, HTTPS, API, 8333)
        assert {p for p in tried if allows(policies, pods[name], ELSEWHERE, p)} == opened, name


def test_a_store_with_an_address_is_reached_there_only():
    of = '{"host":"192.0.2.7","password":"x","lakeCatalogUrl":"postgresql://u:p@192.0.2.7/lake"}'
    found = objects("default", f'postgresql={{"enabled":false,"external":{of}}}')
    policies, run = policies_of(found), places(found)["run of quality"]
    assert allows(policies, run, Place(address="192.0.2.7"), 5432)
    assert not allows(policies, run, ELSEWHERE, 5432)


def test_a_role_for_s3_is_asked_for_where_the_cloud_gives_it():
    found = objects("iam-roles")
    policies, run = policies_of(found), places(found)["run of quality"]
    assert allows(policies, run, Place(address="169.254.170.23"), 80)
    assert not allows(policies, run, ELSEWHERE, 80)


def test_a_store_with_an_ipv6_address_is_reached_there_only():
    of = '"host":"fd00::7","password":"x","lakeCatalogUrl":"postgresql://u:p@[fd00::7]/lake"'
    store = '{"enabled":false,"external":{"endpointUrl":"http://[fd00::8]:9000"}}'
    found = objects(
        "default", f'postgresql={{"enabled":false,"external":{{{of}}}}}', f"s3={store}",
        'networkPolicy.ingressFrom=[{"ipBlock":{"cidr":"fd01::/16"}}]',
    )  # fmt: skip
    policies, run = policies_of(found), places(found)["run of quality"]
    assert allows(policies, run, Place(address="fd00::7"), 5432)
    assert allows(policies, run, Place(address="fd00::8"), 9000)
    for other in (Place(address="fd00::9"), ELSEWHERE):
        assert not allows(policies, run, other, 5432)
        assert not allows(policies, run, other, 9000)
    ui = places(found)["webserver"]
    assert allows(policies, Place(address="fd01::1"), ui, 3000)
    assert not allows(policies, Place(address="fd02::1"), ui, 3000)


@pytest.mark.parametrize(
    ("host", "namespace"),
    [("gms.datahub.svc.cluster.local", "datahub"), ("gms.datahub.svc", "datahub"), ("gms", "data")],
)
def test_what_a_service_leads_to_is_reached_whatever_its_pods_port_is(host, namespace):
    url = f'{{"catalog":{{"env":{{"DATAHUB_GMS_URL":"http://{host}"}}}}}}'
    found = objects("default", f"codeLocations={url}")
    policies, run = policies_of(found), places(found)["run of catalog"]
    assert allows(policies, run, Place({"app": "gms"}, namespace=namespace), 8080)
    assert not allows(policies, run, Place({"app": "gms"}, namespace="elsewhere"), 8080)
    assert not allows(policies, run, ELSEWHERE, 8080)
    # A Service may lead out of the cluster.
    assert allows(policies, run, ELSEWHERE, 80)
    # What is closed inside stays closed.
    assert not allows(policies, run, places(found)["webserver"], 3000)


@pytest.mark.parametrize(
    ("settings", "port"),
    [
        ('codeLocations={"catalog":{"env":{"DATAHUB_GMS_URL":"http://datahub:8080"}}}', 8080),
        ('codeLocations={"catalog":{"env":{"DATAHUB_GMS_URL":"https://datahub/gms"}}}', HTTPS),
        ('stack={"env":{"HTTPS_PROXY":"http://proxy:3128"}}', 3128),
        ('stack={"env":{"HTTP_PROXY":"proxy.example.org:3128"}}', 3128),
        ('stack={"env":{"HTTP_PROXY":"http://user:pass@proxy.example.org:3128"}}', 3128),
        ('codeLocations={"catalog":{"egress":[{"ports":[{"protocol":"TCP","port":99}]}]}}', 99),
        ('networkPolicy={"extraEgress":[{"ports":[{"protocol":"TCP","port":98}]}]}', 98),
    ],
)
def test_the_catalog_reaches_what_its_values_name(settings, port):
    found = objects("default", settings)
    for name in ("server of catalog", "run of catalog"):
        pod = places(found)[name]
        assert allows(policies_of(found), pod, ELSEWHERE, port), name
        assert not allows(policies_of(found), pod, ELSEWHERE, SMTP), name


def test_two_releases_do_not_reach_each_other():
    one, two = objects(release="one"), objects(release="two")
    policies = policies_of(one) + policies_of(two)
    for source in places(one).values():
        for name, target in places(two).items():
            if name != "webserver":
                for port in (3000, 4000, 5432, 8333):
                    assert not allows(policies, source, target, port)


def test_policies_can_be_left_out():
    assert not policies_of(objects("default", "networkPolicy.enabled=false"))


def test_with_a_proxy_for_the_login_it_alone_reaches_the_webserver():
    of = '"issuerUrl":"https://id.example.org:8443","clientId":"stack","existingSecret":"oidc"'
    found = objects("default", f'auth={{"mode":"oidc","oidc":{{{of}}}}}')
    policies, pods = policies_of(found), places(found)
    assert allows(policies, pods["proxy"], pods["webserver"], 3000)
    assert allows(policies, pods["proxy"], ELSEWHERE, 8443)
    assert not allows(policies, pods["proxy"], ELSEWHERE, API)
    for stranger in (FOREIGN, ELSEWHERE):
        assert allows(policies, stranger, pods["proxy"], 4180)
        assert not allows(policies, stranger, pods["webserver"], 3000)
    others = {name for name, pod in pods.items() if allows(policies, pod, pods["webserver"], 3000)}
    # The webserver's policy keeps out pods with open egress. `helm test` has no secret.
    assert others == {"proxy", "trial"}
    for target, port in (("postgresql", 5432), ("s3", 8333), ("server of quality", 4000)):
        assert not allows(policies, pods["proxy"], pods[target], port)
