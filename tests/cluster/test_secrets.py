"""Which credentials each pod can read, tried in the pods themselves, and one put to use."""

import json

import pytest

from chart.rendering import secrets_of
from cluster.airbyte import NAME, PORT, start_airbyte
from cluster.kube import wait_for
from fakes.airbyte_server import CLIENT_ID, CLIENT_SECRET, CONNECTION
from stack.pipelines import INCREMENTAL_SYNC, MONITORING, Stage

LOCATIONS = sorted(str(stage) for stage in Stage)
OWN = {"ingestion": "AIRBYTE_CLIENT_SECRET", "catalog": "DATAHUB_GMS_TOKEN"}
SECRETS = {"ingestion": CLIENT_SECRET, "catalog": "secret-of-catalog"}
READ = """
import json, os, pathlib
token = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()
print(json.dumps({"variables": dict(os.environ), "token": token}))
"""


@pytest.fixture(scope="module")
def airbyte(release):
    """An Airbyte server in the release's namespace."""
    [server] = release.namespace.get("pods", release.location_selector("ingestion"))
    return start_airbyte(release.namespace, server["spec"]["containers"][0]["image"])


@pytest.fixture(scope="module")
def with_credentials(release, airbyte):
    """The release with a separate credential for two locations, which is removed at the end."""
    ingestion = "codeLocations.ingestion"
    release.install(
        "--set", f"{ingestion}.env.AIRBYTE_HOST={NAME}",
        "--set-string", f"{ingestion}.env.AIRBYTE_PORT={PORT}",
        "--set", f"{ingestion}.env.AIRBYTE_CONNECTION_ID={CONNECTION}",
        "--set", f"{ingestion}.secret.AIRBYTE_CLIENT_ID={CLIENT_ID}",
        "--set", f"{ingestion}.secret.AIRBYTE_CLIENT_SECRET={CLIENT_SECRET}",
        "--set", f"codeLocations.catalog.secret.DATAHUB_GMS_TOKEN={SECRETS['catalog']}",
    )  # fmt: skip
    yield release
    release.install()


def test_a_code_server_has_the_credentials_of_its_location_only(with_credentials):
    release = with_credentials
    for location in LOCATIONS:
        pod = release.namespace.pod(release.location_selector(location))
        seen = json.loads(release.namespace.execute(f"pod/{pod}", "python", "-c", READ))
        held = {name for name in OWN.values() if name in seen["variables"]}
        assert held == ({OWN[location]} if location in OWN else set())
        others = {secret for name, secret in SECRETS.items() if name != location}
        assert not others & set(seen["variables"].values())
        assert seen["token"] is False


def test_a_runs_pod_reads_the_secret_of_its_location_only(with_credentials):
    release = with_credentials
    ids = {location: release.launch(location, MONITORING.name) for location in LOCATIONS}
    for location, run_id in ids.items():
        [pod] = wait_for(lambda: release.run_pods(run_id), f"the pod of {location}")  # noqa: B023
        assert secrets_of(pod["spec"]) == {f"{release.fullname}-{location}"}
        assert pod["spec"]["automountServiceAccountToken"] is False
        release.wait_for_run(run_id)


def test_a_run_that_is_ended_amid_a_sync_cancels_it_on_the_airbyte_server(
    with_credentials, airbyte
):
    release = with_credentials
    run_id = release.launch("ingestion", INCREMENTAL_SYNC.name)
    wait_for(lambda: airbyte.syncs() == ([1], []), lambda: release.story_of(run_id))
    release.terminate(run_id)
    release.wait_for_run(run_id, {"CANCELED"})
    wait_for(lambda: airbyte.syncs() == ([1], [1]), airbyte.syncs)
    wait_for(lambda: not release.run_pods(run_id), "its pod to go")
