"""Trouble with a server is reported in words, and the token is sent only to its server."""

import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from stack.http import Client, NoAnswerError, shown
from support.http_server import Reply, http_server, refused_port

TOKEN = SecretStr("the-token")


def failure(url, **options):
    with pytest.raises(NoAnswerError) as caught:
        Client(TOKEN, **options).get(url)
    return str(caught.value)


def test_an_answer_comes_with_its_status_and_content():
    with http_server(lambda _: Reply(418, {"tea": True})) as server:
        answer = Client().get(f"{server.url}/pot")
    assert (answer.status, answer.json()) == (418, {"tea": True})
    assert [(r.method, r.path) for r in server.requests] == [("GET", "/pot")]
    assert "authorization" not in server.requests[0].headers


def test_a_token_and_a_body_are_sent_whatever_netrc_says(tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with http_server(lambda _: Reply()) as server:
        Client(TOKEN).send("POST", server.url, json={"query": "x"})
    assert server.requests[0].headers["authorization"] == "Bearer the-token"
    assert (server.requests[0].method, server.requests[0].body) == ("POST", b'{"query": "x"}')


@pytest.mark.parametrize("same_host", [True, False])
def test_a_redirect_to_another_server_does_not_take_the_token_along(same_host):
    with (
        http_server(lambda _: Reply()) as other,
        http_server(lambda _: Reply(302, headers={"Location": other.url})) as server,
    ):
        assert Client(TOKEN, same_host=same_host).get(server.url).status == (
            302 if same_host else 200
        )
    assert "authorization" in server.requests[0].headers
    assert ["authorization" in asked.headers for asked in other.requests] == [False] * (
        not same_host
    )


def test_what_passes_is_asked_for_again_when_the_server_says_so(monkeypatch):
    waits, told = [], []
    monkeypatch.setattr("stack.http.time.sleep", waits.append)
    late = format_datetime(datetime.now(UTC) + timedelta(hours=9))
    replies = [Reply(503), Reply(429, headers={"Retry-After": "7"}), Reply(502), Reply(content=1)]
    replies[2] = Reply(502, headers={"Retry-After": late})
    with http_server(lambda _: replies.pop(0)) as server:
        client = Client(TOKEN, retries=3, first_wait_s=0.5, tell=told.append)
        assert client.get(server.url).json() == 1
    assert waits == [0.5, 7.0, 60.0]
    assert told[0] == "it answered 503 Service Unavailable; asking again in 0.5 s"


@pytest.mark.parametrize(("status", "asked"), [(429, 2), (503, 1), (400, 1)])
def test_what_must_not_happen_twice_is_sent_again_only_where_nothing_was_done(
    monkeypatch, status, asked
):
    monkeypatch.setattr("stack.http.time.sleep", lambda _: None)
    with http_server(lambda _: Reply(status)) as server:
        answer = Client(retries=1).send("POST", server.url, repeatable=False)
    assert (answer.status, len(server.requests)) == (status, asked)


def test_a_body_without_end_is_not_read_on(monkeypatch):
    monkeypatch.setattr("stack.http.MAX_BYTES", 1000)
    with http_server(lambda _: Reply(content="x" * 2000)) as server:
        assert failure(server.url) == "it sent over 1000 bytes; not read on"


def test_a_port_that_refuses():
    with refused_port() as port:
        assert failure(f"http://127.0.0.1:{port}") == "connection refused"


def test_a_server_that_hangs():
    with http_server(lambda _: None) as server:
        assert failure(server.url, timeout_s=0.2) == "no answer within 0.2 s"


def test_a_server_that_breaks_off_in_its_answer():
    with http_server(lambda _: Reply(headers={"Content-Length": "5000"})) as server:
        assert failure(server.url).startswith("no HTTP answer")


def test_a_server_that_speaks_no_http():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail.example.org ESMTP\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        reason = failure(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert reason == "no HTTP answer (ConnectionError)"


def test_a_name_that_nobody_has():
    reason = failure("http://nobody.invalid/")
    assert reason
    assert "the-token" not in reason


def test_content_that_is_no_json_is_none():
    with http_server(lambda _: Reply(headers={"Content-Length": "2"}, content="abc")) as server:
        assert Client().get(server.url).json() is None


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://host:8080/gms/", "http://host:8080/gms"),
        ("https://user:secret@host/path?token=secret#secret", "https://host/path"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url, text):
    assert shown(url) == text
