"""What each pod can read of credentials, asked of the pods themselves."""

import json

import pytest

from chart.rendering import secrets_of
from cluster.kube import wait_for
from stack.pipelines import MONITORING, Stage

LOCATIONS = sorted(str(stage) for stage in Stage)
OWN = {"ingestion": "AIRBYTE_CLIENT_SECRET", "catalog": "DATAHUB_GMS_TOKEN"}
READ = """
import json, os, pathlib
token = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()
print(json.dumps({"variables": dict(os.environ), "token": token}))
"""


@pytest.fixture(scope="module")
def with_credentials(release):
    """The release with a credential of its own for two locations; taken away at the end."""
    release.install(
        "--set", "codeLocations.ingestion.secret.AIRBYTE_CLIENT_ID=id",
        "--set", "codeLocations.ingestion.secret.AIRBYTE_CLIENT_SECRET=secret-of-ingestion",
        "--set", "codeLocations.catalog.secret.DATAHUB_GMS_TOKEN=secret-of-catalog",
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
        others = {f"secret-of-{name}" for name in OWN if name != location}
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
