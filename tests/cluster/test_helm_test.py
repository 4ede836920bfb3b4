"""`helm test` on the release, and the addresses on which its servers listen."""

import re

import pytest

from cluster.kube import ClusterError
from cluster.release import helm

TRIAL = re.compile(r"ok: transformation/pipeline_monitoring succeeded as run (\S+): \d+ s in the")


def call_test(release):
    return helm("test", release.name, "--namespace", release.namespace.name, "--logs")


def test_helm_test_sees_a_run_through_queue_and_launcher_in_a_job_of_its_own(release):
    [run_id] = TRIAL.findall(call_test(release))
    assert release.run(run_id)["status"] == "SUCCESS"
    assert release.run_pods(run_id)


def test_helm_test_fails_and_says_why_where_a_location_is_down(release):
    server = f"deployment/{release.fullname}-transformation"
    release.namespace.kubectl("scale", server, "--replicas=0")
    release.namespace.kubectl("rollout", "status", server)
    try:
        with pytest.raises(ClusterError, match="failed: transformation did not take pipeline_mon"):
            call_test(release)
    finally:
        release.namespace.kubectl("scale", server, "--replicas=1")
        release.namespace.kubectl("rollout", "status", server)
        release.wait_until_loaded()


@pytest.mark.parametrize(
    ("component", "port"),
    [("webserver", 3000), ("code-location", 4000), ("postgresql", 5432), ("s3", 8333)],
)
def test_servers_listen_at_addresses_of_ipv6_too(release, component, port):
    pod = release.namespace.names("pods", release.selector(component))[0]
    table = release.namespace.execute(f"pod/{pod}", "cat", "/proc/net/tcp6")
    listening = re.findall(r"^ *\d+: (\S+) \S+ 0A ", table, re.MULTILINE)
    assert f"{0:032X}:{port:04X}" in listening
