"""A release on a real forge, gitea with GitHub's API, starts the release pipeline."""

import os
import uuid
from dataclasses import dataclass

import pytest
import requests

from cluster.kube import wait_for
from cluster.watching import address
from stack.pipelines import RELEASE, Stage

SENSOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "ingestion",
    "sensorName": "github_release_sensor",
}
START = """mutation ($sensor: SensorSelector!) {
  startSensor(sensorSelector: $sensor) { __typename ... on Sensor { id } } }"""
STOP = "mutation ($id: String!) { stopSensor(id: $id) { __typename } }"
TICKS = """query ($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
  ... on Sensor { id sensorState { ticks(limit: 5) { status skipReason } } } } }"""


@dataclass(frozen=True)
class Forge:
    """A new private repository on gitea, used by its owner; `token` may only read it."""

    url: str
    login: tuple[str, str]
    repository: str
    token: str = ""

    def post(self, path: str, **content):
        answer = requests.post(f"{self.url}{path}", json=content, auth=self.login, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def release(self, tag: str, **content) -> str:
        """The URL of a new release's page."""
        path = f"/repos/{self.repository}/releases"
        made = self.post(path, tag_name=tag, target_commitish="main", **content)
        return str(made["html_url"])


@pytest.fixture(scope="module")
def forge():
    url = f"{address('GITEA_URL')}/api/v1"
    user, _, password = os.environ.get("GITEA_LOGIN", "tester:tester-password").partition(":")
    name = f"books-{uuid.uuid4().hex[:8]}"
    owner = Forge(url, (user, password), f"{user}/{name}")
    owner.post("/user/repos", name=name, private=True, auto_init=True, default_branch="main")
    token = owner.post(f"/users/{user}/tokens", name=name, scopes=["read:repository"])["sha1"]
    yield Forge(url, owner.login, owner.repository, token)
    requests.delete(f"{url}/repos/{owner.repository}", auth=owner.login, timeout=30)


@pytest.fixture(scope="module")
def watching(release, forge):
    """The release, whose sensor is on and has looked once."""
    ingestion = "codeLocations.ingestion"
    release.install(
        "--set", f"{ingestion}.env.GITHUB_API_URL={forge.url}",
        "--set", f"{ingestion}.env.GITHUB_REPO={forge.repository}",
        "--set", f"{ingestion}.secret.GITHUB_TOKEN={forge.token}",
    )  # fmt: skip
    forge.release("v1")
    started = release.ui.query(START, sensor=SENSOR)["startSensor"]
    assert started["__typename"] == "Sensor", started

    def skipped():
        state = release.ui.query(TICKS, sensor=SENSOR)["sensorOrError"]["sensorState"]
        return [tick["skipReason"] for tick in state["ticks"] if tick["skipReason"]]

    said = f"{forge.repository}: first look; newest release (v1) taken as known"
    wait_for(lambda: said in skipped(), skipped)
    yield release
    release.ui.query(STOP, id=started["id"])


def test_a_release_starts_the_pipeline_and_is_named_by_each_of_its_runs(watching, forge):
    forge.release("v2-rc1", prerelease=True)
    forge.release("v2-draft", draft=True)
    url = forge.release("v2")
    found = wait_for(
        lambda: watching.runs(tags={"release/repo": forge.repository}),
        lambda: watching.ui.query(TICKS, sensor=SENSOR),
    )
    runs = watching.wait_for_stages(found[-1]["runId"], [str(stage) for stage in Stage])
    assert len(runs) == len(Stage)
    for run in runs:
        assert run["jobName"] == RELEASE.name
        assert run["tags"]["release/tag"] == "v2"
        assert run["tags"]["release/url"] == url
    assert url.endswith(f"/{forge.repository}/releases/tag/v2")
