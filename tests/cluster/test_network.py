"""Every port of every pod, tried from a pod that is unrelated to the release."""

import pytest

from cluster.kube import make_namespace, output_of, wait_for
from cluster.stranger import doors_open_to, start_stranger
from stack.pipelines import MONITORING

# Besides the declared ones: what Postgres, SeaweedFS, Dagster and web servers use.
PORTS = {80, 443, 3000, 4000, 4180, 5432, 8080, 8333, 8888, 9333, 18333, 18888, 19333}


@pytest.fixture(scope="module", params=["in its namespace", "in another"])
def stranger(request, release):
    """The namespace of a pod that runs Python and may connect to anything."""
    inside = request.param == "in its namespace"
    namespace = release.namespace if inside else make_namespace(f"{release.namespace.name}-other")
    [server] = release.namespace.get("deployments", release.selector("webserver"))
    image = server["spec"]["template"]["spec"]["containers"][0]["image"]
    start_stranger(namespace, image)
    yield namespace
    if inside:
        namespace.kubectl("delete", "pod,networkpolicy", "stranger", "--now")
    else:
        output_of("kubectl", "delete", "namespace", namespace.name, "--wait=false")


@pytest.fixture(scope="module")
def doors(release):
    """Address and port of everything that the release runs, including a run, by name."""
    run_id = release.launch("ingestion", MONITORING.name)
    wait_for(lambda: with_address(release.run_pods(run_id)), "the run's pod to have an address")
    found = {}
    for pod in with_address(
        release.namespace.get("pods", f"app.kubernetes.io/instance={release.name}")
    ):
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        declared = {
            p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports", ())
        }
        found |= {(pod["status"]["podIP"], port): (component, port) for port in PORTS | declared}
    for service in release.namespace.get("services", f"app.kubernetes.io/instance={release.name}"):
        component = service["metadata"]["labels"]["app.kubernetes.io/component"]
        for port in service["spec"]["ports"]:
            found[service["spec"]["clusterIP"], port["port"]] = (component, "service")
    return found


def with_address(pods):
    return [pod for pod in pods if pod["status"].get("podIP")]


def test_nothing_answers_a_stranger_but_the_ui(stranger, doors):
    components = {component for component, _ in doors.values()}
    assert components >= {"webserver", "daemon", "code-location", "postgresql", "s3", "run_worker"}
    opened = {doors[door] for door in doors_open_to(stranger, doors)}
    assert opened == {("webserver", 3000), ("webserver", "service")}


def test_the_same_doors_are_open_to_those_that_need_them(release, doors):
    """So it is the policies that keep the stranger out."""
    script = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
    services = {what: host for (host, _), what in doors.items() if what[1] == "service"}
    for component, port in (("postgresql", 5432), ("s3", 8333), ("code-location", 4000)):
        host = services[component, "service"]
        release.namespace.execute(
            f"deployment/{release.fullname}-webserver", "python", "-c", script, host, str(port)
        )
