"""Health of Airbyte and GitHub, on real loopback servers."""

import time

import pytest
from pydantic import SecretStr

from ingestion.airbyte.connection import load_connections
from ingestion.airbyte.environments import environment_of
from ingestion.health import (
    connector_health,
    github_health,
    probe_airbyte,
    probe_github,
    server_health,
)
from ingestion.settings import AirbyteSettings, GitHubSettings
from stack.monitoring import State
from support.http_server import Reply, http_server, refused_port

TOKEN = "ghp_" + "x" * 36
HEALTH_PATH = "/api/public/v1/health"


def airbyte(port):
    return AirbyteSettings(airbyte_connection_id="c", airbyte_host="127.0.0.1", airbyte_port=port)


def github(server, token=TOKEN):
    return GitHubSettings(
        github_repo="me/books", github_token=SecretStr(token), github_api_url=server.url
    )


def test_an_airbyte_server_that_answers_is_ok(stack_home):
    with http_server(lambda _: Reply(content="Successful operation")) as server:
        health = server_health(airbyte(server.port))
    assert health.state is State.OK
    assert [r.path for r in server.requests] == [HEALTH_PATH]


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_an_airbyte_server_that_answers_otherwise_is_down(stack_home, status):
    with http_server(lambda _: Reply(status)) as server:
        health = server_health(airbyte(server.port))
    assert health.state is State.DOWN
    assert str(status) in health.sentence


def test_an_airbyte_server_that_hangs_is_down(stack_home):
    with http_server(lambda _: None) as server:
        health = server_health(airbyte(server.port), timeout_s=0.2)
    assert (health.state, "no answer within 0.2 s" in health.sentence) == (State.DOWN, True)


def test_an_airbyte_server_that_refuses_is_down_and_its_variables_are_named(stack_home):
    with refused_port() as port:
        health = server_health(airbyte(port))
    assert health.state is State.DOWN
    assert health.sentence == (
        f"Airbyte at 127.0.0.1:{port}: connection refused; check AIRBYTE_HOST and AIRBYTE_PORT"
    )


def test_with_a_connection_id_the_server_is_asked_and_without_one_the_connectors(
    stack_home, tmp_path, monkeypatch
):
    monkeypatch.setenv("AIRBYTE_CONNECTORS_DIR", str(tmp_path / "none"))
    assert "source-faker" in probe_airbyte(None).sentence
    with http_server(lambda _: Reply()) as server:
        monkeypatch.setenv("AIRBYTE_CONNECTION_ID", "c")
        monkeypatch.setenv("AIRBYTE_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRBYTE_PORT", str(server.port))
        assert probe_airbyte(None).state is State.OK


def test_a_connector_that_is_not_installed_is_down_until_it_is(stack_home, tmp_path):
    settings = AirbyteSettings(airbyte_connectors_dir=tmp_path / "connectors")
    health = connector_health(settings)
    assert health.state is State.DOWN
    assert "make setup" in health.sentence
    environment = environment_of(load_connections()[0], settings.connectors)
    environment.bin_folder.mkdir(parents=True)
    for file in (environment.executable, environment.bin_folder / "python", environment.spec_file):
        file.touch()
    assert connector_health(settings).state is State.OK


def test_a_connection_file_that_is_not_there_is_down(stack_home, tmp_path):
    health = connector_health(AirbyteSettings(airbyte_connection_file=tmp_path / "no.yml"))
    assert (health.state, "no.yml" in health.sentence) == (State.DOWN, True)


def test_github_is_not_configured_without_a_repository(stack_home):
    assert probe_github(None).state is State.NOT_CONFIGURED


def test_a_repository_without_a_token_is_degraded_as_no_release_is_seen(stack_home):
    health = github_health(GitHubSettings(github_repo="me/books"))
    assert (health.state, "GITHUB_TOKEN" in health.sentence) == (State.DEGRADED, True)


def test_a_repository_that_github_shows_is_ok(stack_home):
    with http_server(lambda _: Reply(content={"full_name": "me/books"})) as server:
        health = github_health(github(server))
    assert health.state is State.OK
    assert [r.path for r in server.requests] == ["/repos/me/books"]
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_repository_that_github_does_not_show_is_down(stack_home, status):
    with http_server(lambda _: Reply(status, {"message": f"no {TOKEN}"})) as server:
        health = github_health(github(server))
    assert health.state is State.DOWN
    assert str(status) in health.sentence
    assert TOKEN not in health.sentence


def test_a_rate_limit_that_is_used_up_is_degraded_and_says_when_it_ends(stack_home):
    reset = int(time.time()) + 600
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    with http_server(lambda _: Reply(403, {"message": "limit"}, headers)) as server:
        health = github_health(github(server))
    assert health.state is State.DEGRADED
    assert "resets at" in health.sentence


def test_a_github_that_refuses_is_down(stack_home):
    with refused_port() as port:
        health = github_health(
            GitHubSettings(
                github_repo="me/books",
                github_token=SecretStr(TOKEN),
                github_api_url=f"http://127.0.0.1:{port}",
            )
        )
    assert health.state is State.DOWN
    assert TOKEN not in health.sentence
