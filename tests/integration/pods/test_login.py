"""A real webserver with a login: who sees what, who may change what, and what is logged."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets.sync.client

from support.servers import free_port, wait_until
from support.stack_process import clean_environment
from support.webserver import basic

LOCATION = """
import dagster as dg

@dg.asset
def numbers(): ...

defs = dg.Definitions(assets=[numbers], jobs=[dg.define_asset_job("count")])
"""
PASSWORDS = {"admin": "a" * 8, "operator": "o" * 8, "viewer": "v" * 8}
PERMISSIONS = "{ permissions { permission value } }"
LAUNCH = """mutation { launchRun(executionParams: {selector: {repositoryLocationName: "one.py",
  repositoryName: "__repository__", jobName: "count"}, runConfigData: {}}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
WIPE = 'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["x"]}}]) { __typename } }'


class Login:
    def __init__(self, url: str, log: Path) -> None:
        self.url, self.log = url, log

    def ask(self, user: str, query: str) -> tuple[int, dict[str, Any]]:
        """Status and `data` of a GraphQL request."""
        headers = {"Content-Type": "application/json", **authorization(user)}
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            return error.code, {}

    def status(self, path: str, user: str = "") -> int:
        request = urllib.request.Request(f"{self.url}{path}", headers=authorization(user))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


def authorization(user: str) -> dict[str, str]:
    return basic(user, PASSWORDS[user]) if user else {}


def started(folder: Path, port: int, **variables: str) -> subprocess.Popen[bytes]:
    environment = clean_environment(
        DAGSTER_HOME=str(folder), DAGSTER_DISABLE_TELEMETRY="1", **variables
    )
    with (folder / "log").open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "pods.webserver", "-f", "one.py", "-h", "127.0.0.1", "-p",
             str(port)],
            cwd=folder, env=environment, stdout=output, stderr=output,
        )  # fmt: skip


@pytest.fixture(scope="module")
def login(tmp_path_factory) -> Iterator[Login]:
    folder = tmp_path_factory.mktemp("login")
    (folder / "one.py").write_text(LOCATION)
    port = free_port()
    secrets = {f"WEBSERVER_{role.upper()}_PASSWORD": word for role, word in PASSWORDS.items()}
    process = started(folder, port, WEBSERVER_AUTH="basic", **secrets)
    server = Login(f"http://127.0.0.1:{port}", folder / "log")

    def up() -> bool:
        try:
            return server.status("/-/healthy") == 200
        except OSError:
            return False

    try:
        wait_until(up, "the webserver", server.log)
        yield server
    finally:
        process.terminate()
        process.wait(120)


def test_nobody_gets_in_without_a_password(login):
    for path in ("/", "/graphql", "/server_info", "/dagit_info", "/logs/x/stdout", "/runs/x"):
        assert login.status(path) == 401
        assert login.status(path, "viewer") in {200, 400, 404}
    assert login.ask("", "{ version }")[0] == 401


@pytest.mark.parametrize(
    ("user", "launch", "wipe"), [("viewer", 403, 403), ("operator", 200, 403), ("admin", 200, 200)]
)
def test_each_role_changes_what_it_may(login, user, launch, wipe):
    assert login.ask(user, "{ version }")[0] == 200
    status, answer = login.ask(user, LAUNCH)
    assert status == launch
    if launch == 200:
        assert answer["launchRun"]["__typename"] == "LaunchRunSuccess", answer
    assert login.ask(user, WIPE)[0] == wipe


def test_a_viewers_page_shows_nothing_to_press(login):
    def allowed(user: str) -> set[str]:
        found = login.ask(user, PERMISSIONS)[1]["permissions"]
        return {p["permission"] for p in found if p["value"]}

    assert allowed("viewer") == set()
    assert "launch_pipeline_execution" in allowed("operator")


def test_logs_come_by_websocket_and_mutations_do_not(login):
    url = login.url.replace("http", "ws") + "/graphql"
    options: dict[str, Any] = {"subprotocols": ["graphql-ws"]}
    with (
        pytest.raises(websockets.exceptions.InvalidStatus) as refused,
        websockets.sync.client.connect(url, **options),
    ):
        pass
    assert refused.value.response.status_code == 401
    headers = authorization("admin")
    with websockets.sync.client.connect(url, additional_headers=headers, **options) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(30))["type"] == "connection_ack"
        watch = "subscription { locationStateChangeEvents { event { message } } }"
        socket.send(json.dumps({"type": "start", "id": "1", "payload": {"query": watch}}))
        socket.send(json.dumps({"type": "start", "id": "2", "payload": {"query": LAUNCH}}))
        with pytest.raises(websockets.exceptions.ConnectionClosedError, match="1008"):
            while True:
                socket.recv(30)


def test_the_log_says_who_changed_what(login):
    login.ask("operator", LAUNCH)
    login.ask("operator", WIPE)
    lines = [json.loads(line) for line in login.log.read_text().splitlines() if '"audit"' in line]
    told = [(line["user"], line["names"], line["allowed"]) for line in lines if "user" in line]
    assert told[-2:] == [("operator", ["launchRun"], True), ("operator", ["wipeAssets"], False)]
    assert not any(password in login.log.read_text() for password in PASSWORDS.values())


def test_a_webserver_without_its_password_does_not_start(tmp_path):
    (tmp_path / "one.py").write_text(LOCATION)
    process = started(tmp_path, free_port(), WEBSERVER_AUTH="basic")
    assert process.wait(120) == 1
    assert "WEBSERVER_AUTH=basic needs WEBSERVER_ADMIN_PASSWORD" in (tmp_path / "log").read_text()
