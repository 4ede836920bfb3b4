"""Health of DataHub, on real loopback servers, and of the file without a server."""

import pytest
from pydantic import SecretStr

from catalog.health import file_health, probe_datahub, server_health
from catalog.settings import DataHubSettings
from stack.monitoring import State
from support.http_server import Reply, http_server, refused_port

TOKEN = "secret-token"
GMS = Reply(content={"noCode": "true", "versions": {}})


def settings(url, token=TOKEN):
    return DataHubSettings(
        datahub_gms_url=url, datahub_gms_token=SecretStr(token) if token else None
    )


def takes(token):
    """A GMS whose /config is open to all, and whose GraphQL wants `token`, as with DataHub."""

    def answer(request):
        if request.path == "/config":
            return GMS
        allowed = request.headers.get("authorization") == f"Bearer {token}"
        return Reply(200 if allowed else 401, {})

    return answer


def test_a_server_that_answers_and_takes_the_token_is_ok():
    with http_server(takes(TOKEN)) as server:
        health = server_health(settings(server.url))
    assert health.state is State.OK
    assert [(r.method, r.path) for r in server.requests] == [
        ("GET", "/config"),
        ("POST", "/api/graphql"),
    ]


def test_a_token_that_has_expired_is_found_although_config_needs_none():
    with http_server(takes("another")) as server:
        health = server_health(settings(server.url))
    assert (health.state, "DATAHUB_GMS_TOKEN" in health.sentence) == (State.DOWN, True)
    assert TOKEN not in health.sentence


def test_without_a_token_only_config_is_asked():
    with http_server(takes(None)) as server:
        assert server_health(settings(server.url, token=None)).state is State.OK
    assert [r.path for r in server.requests] == ["/config"]


def test_a_version_without_graphql_is_ok():
    with http_server(lambda r: GMS if r.path == "/config" else Reply(404)) as server:
        assert server_health(settings(server.url)).state is State.OK


@pytest.mark.parametrize("status", [401, 403, 404, 500, 502])
def test_a_server_that_answers_otherwise_is_down(status):
    with http_server(lambda _: Reply(status)) as server:
        health = server_health(settings(server.url))
    assert (health.state, str(status) in health.sentence) == (State.DOWN, True)


@pytest.mark.parametrize("content", [None, [], "hello", {"noCode": "false"}])
def test_a_server_that_is_no_metadata_service_is_down(content):
    with http_server(lambda _: Reply(content=content)) as server:
        health = server_health(settings(server.url))
    assert (health.state, "8080" in health.sentence) == (State.DOWN, True)


def test_a_server_that_hangs_is_down():
    with http_server(lambda _: None) as server:
        health = server_health(settings(server.url), timeout_s=0.2)
    assert (health.state, "no answer within 0.2 s" in health.sentence) == (State.DOWN, True)


def test_a_server_that_refuses_is_down_and_the_password_in_its_url_stays_out():
    with refused_port() as port:
        health = server_health(settings(f"http://me:pass-word@127.0.0.1:{port}"))
    assert health.state is State.DOWN
    assert health.sentence == (
        f"DataHub at http://127.0.0.1:{port}: connection refused; check DATAHUB_GMS_URL"
    )


def test_without_a_server_the_folder_of_the_file_counts(stack_home):
    assert probe_datahub(None).state is State.OK
    assert list((stack_home / "catalog").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_down(tmp_path):
    (tmp_path / "file").write_text("")
    health = file_health(str(tmp_path / "file" / "metadata.json"))
    assert (health.state, "DATAHUB_FILE" in health.sentence) == (State.DOWN, True)


def test_with_a_server_that_server_is_asked(stack_home, monkeypatch):
    with http_server(takes(TOKEN)) as server:
        monkeypatch.setenv("DATAHUB_GMS_URL", server.url)
        monkeypatch.setenv("DATAHUB_GMS_TOKEN", TOKEN)
        assert probe_datahub(None).state is State.OK
