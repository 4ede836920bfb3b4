"""Which requests the guard lets through to the server behind it."""

import asyncio

import pytest

from pods.web_guard import Guard, Hosts

JSON = {"content-type": "application/json"}
HERE = {"host": "localhost:3000"}


def ask(
    headers, *, method="POST", path="/graphql", query="", kind="http", at="127.0.0.1", allowed=()
):
    """Status and text of the answer; 200 is the server's own."""
    sent = []

    async def server(scope, receive, send):
        sent.append({"status": 200})

    async def send(message):
        sent.append(message)

    pairs = headers.items() if isinstance(headers, dict) else headers
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in pairs],
        "extensions": {"websocket.http.response": {}},
    }
    guard = Guard(server, Hosts(at, allowed), setting="ALLOWED")
    asyncio.run(guard(scope, None, send))
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent).decode()


def status(headers, **options):
    return ask(headers, **options)[0]


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:3000", "LOCALHOST:3000", "localhost.:3000", "dagster.localhost",
        "127.0.0.1:3000", "127.8.8.8", "[::1]", "[::1]:3000",
    ],
)  # fmt: skip
def test_the_own_machine_is_spoken_to_by_any_of_its_names(host):
    assert status({"host": host} | JSON) == 200
    assert status({"host": host, "origin": f"http://{host}"} | JSON) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:3000", "localhost.evil.example", "notlocalhost",
        "127.0.0.1.evil.example", "127.1", "192.168.1.10:3000", "[fe80::1]", "user@localhost",
        "localhost:3000:1", "localhost, evil.example", "", "[::1", "local host", "*",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_is_refused_whatever_is_asked(host, method):
    code, line = ask({"host": host} | JSON, method=method, path="/")
    assert code == 403
    assert line.endswith("add the name to ALLOWED\n")
    assert line.count("\n") == 1


def test_a_request_without_a_host_or_with_two_is_refused():
    assert status(JSON) == 403
    assert status([("host", "localhost"), ("host", "evil.example"), *JSON.items()]) == 403


def test_the_address_that_it_listens_at_is_its_name():
    assert status({"host": "laptop.home:3000"} | JSON, at="laptop.home") == 200
    assert status({"host": "192.168.1.10:3000"} | JSON, at="192.168.1.10") == 200
    assert status({"host": "[fd00::1]:3000"} | JSON, at="fd00::1") == 200
    assert status({"host": "192.168.1.11:3000"} | JSON, at="192.168.1.10") == 403


@pytest.mark.parametrize("at", ["0.0.0.0", "::"])
def test_at_every_address_any_address_is_taken_but_no_foreign_name(at):
    assert status({"host": "10.1.2.3:3000"} | JSON, at=at) == 200
    assert status({"host": "[fd00::7]:3000"} | JSON, at=at) == 200
    assert status({"host": "evil.example:3000"} | JSON, at=at) == 403


def test_names_that_the_user_allows_are_taken():
    allowed = [" ui.example.com ", "other.example:8443", ""]
    assert status({"host": "ui.example.com"} | JSON, allowed=allowed) == 200
    assert status({"host": "UI.example.com:443"} | JSON, allowed=allowed) == 200
    assert status({"host": "other.example:8443"} | JSON, allowed=allowed) == 200
    assert status({"host": "other.example"} | JSON, allowed=allowed) == 403
    assert status({"host": "x.ui.example.com"} | JSON, allowed=allowed) == 403
    assert status({"host": "whatever.example"} | JSON, allowed=["*"]) == 200


def test_a_wildcard_allows_the_names_below_a_domain():
    allowed = ["*.example.com"]
    assert status({"host": "ui.example.com:8080"} | JSON, allowed=allowed) == 200
    assert status({"host": "example.com"} | JSON, allowed=allowed) == 403
    assert status({"host": "a.ui.example.com"} | JSON, allowed=allowed) == 403
    assert status({"host": "ui.evil.com"} | JSON, allowed=allowed) == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "https://evil.example:3000", "null", "", "http://localhost:8080",
        "http://localhost", "http://127.0.0.1:3000", "file://", "localhost:3000",
        "http://localhost:3000.evil.example", "http://localhost:3000@evil.example",
        "chrome-extension://localhost:3000",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "request_", [{"kind": "http"}, {"kind": "http", "method": "GET"}, {"kind": "websocket"}]
)
def test_a_foreign_origin_is_refused_also_for_subscriptions(origin, request_):
    code, line = ask(HERE | JSON | {"origin": origin}, **request_)
    assert code == 403
    assert "add that site's host to ALLOWED\n" in line


def test_two_origins_are_refused():
    twice = [("origin", "http://localhost:3000"), ("origin", "http://evil.example")]
    assert status([*HERE.items(), *JSON.items(), *twice]) == 403


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("ui.example.com", "https://ui.example.com", 200),  # TLS ends at an ingress
        ("ui.example.com:443", "https://ui.example.com", 200),
        ("ui.example.com", "http://ui.example.com:80", 200),
        ("ui.example.com", "https://ui.example.com:8443", 403),
        ("localhost:3000", "https://ui.example.com", 200),  # behind a proxy with a Host of its own
        ("ui.example.com", "https://evil.example", 403),
    ],
)
def test_an_allowed_name_is_an_origin_too(host, origin, expected):
    headers = JSON | {"host": host, "origin": origin}
    assert status(headers, allowed=["ui.example.com"]) == expected


def test_any_name_is_no_leave_for_any_origin():
    headers = JSON | {"host": "ui.example.com", "origin": "https://evil.example"}
    assert status(headers, allowed=["*"]) == 403


def test_a_socket_without_an_origin_is_a_programs():
    assert status(HERE, kind="websocket") == 200


@pytest.mark.parametrize(
    "content",
    ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"],
)
def test_json_is_taken(content):
    assert status(HERE | {"content-type": content}) == 200


@pytest.mark.parametrize(
    "content",
    [
        "text/plain", "text/plain; application/json", "text/plain;charset=application/json",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/graphql", "application/jsonp", "application/json, text/plain", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/graphql", "/dagster/graphql", "/report_asset_check/a"])
def test_what_a_form_can_send_is_refused(content, path):
    code, line = ask(HERE | {"content-type": content}, path=path)
    assert code == 415
    assert line.endswith("with Content-Type application/json\n")


def test_a_body_without_a_content_type_is_refused():
    assert status(HERE) == 415
    assert status(HERE | {"content-length": "7"}, path="/report_asset_check/a") == 415
    assert status(HERE | {"transfer-encoding": "chunked"}, path="/report_asset_check/a") == 415


def test_a_report_of_a_program_whose_parameters_are_in_the_url_is_taken():
    options = {"path": "/report_asset_materialization/a", "query": "data_version=1"}
    assert status(HERE, **options) == 200
    assert status(HERE | {"content-length": "0"}, **options) == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/dagster/graphql"])
def test_graphql_in_the_url_is_refused(method, path):
    query = "operationName=x&query=mutation%7B%7D"
    assert status(HERE | JSON, method=method, path=path, query=query) == 405


def test_pages_and_the_playground_are_taken():
    for path in ("/", "/runs", "/graphql", "/server_info"):
        assert status(HERE, method="GET", path=path) == 200
    assert status(HERE, method="GET", path="/runs", query="query=x") == 200


def test_the_lifespan_passes():
    assert ask({}, kind="lifespan")[0] == 200
