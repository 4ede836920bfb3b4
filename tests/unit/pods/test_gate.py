"""Which requests the gate admits, from whom."""

import asyncio
import json

import pytest
from dagster_graphql.schema import create_schema
from pydantic import ValidationError

from pods.access import Access, AccessSettings
from pods.gate import HEALTHY, LARGEST_BODY_BYTES, Gate
from pods.roles import KNOWN, Role, mutations
from support import webserver

PASSWORDS = {"admin_password": "a", "operator_password": "o:p", "viewer_password": "v"}
BASIC = {"auth": "basic", **PASSWORDS}
PROXY = {
    "auth": "proxy",
    "proxy_secret": "between-them",
    "role_groups": {"admin": ["bosses"], "operator": ["night shift"], "viewer": ["guests"]},
}
VIEWER = ("viewer", "v")
OPERATOR = ("operator", "o:p")
ADMIN = ("admin", "a")
READ = {"query": "{ version }"}
LAUNCH = {"query": "mutation { launchRun(executionParams: {}) { __typename } }"}
DELETE = {"query": 'mutation Harmless { launchRun: deleteRun(runId: "x") { __typename } }'}


def basic(user: str, password: str) -> tuple[str, str]:
    [header] = webserver.basic(user, password).items()
    return header


def ask(
    settings,
    *headers,
    method="POST",
    path="/graphql",
    body=READ,
    kind="http",
    messages=(),
    query="",
) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of the answer; 200 without text is the server's own."""
    sent, seen = [], []

    async def server(scope, receive, send):
        if kind == "websocket":
            while (message := await receive())["type"] == "websocket.receive":
                seen.append(message)
        elif method == "POST":
            parts = [await receive()]
            while parts[-1]["more_body"]:
                parts.append(await receive())
            assert b"".join(part["body"] for part in parts) == content
        sent.append({"status": 200})

    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    halves = [content[: len(content) // 2], content[len(content) // 2 :]]
    waiting = [
        {"type": "http.request", "body": halves[0], "more_body": True},
        {"type": "http.request", "body": halves[1], "more_body": False},
    ]
    if kind == "websocket":
        waiting = [{"type": "websocket.receive", "text": json.dumps(m)} for m in messages]
        waiting.append({"type": "websocket.disconnect"})

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("10.0.0.7", 1234),
        "extensions": {"websocket.http.response": {}},
    }
    access = Access(AccessSettings(**settings))
    asyncio.run(Gate(server, access)(scope, receive, send))
    if kind == "websocket" and sent[0].get("code"):
        return sent[0]["code"], "", {}
    held = {name.decode(): value.decode() for name, value in sent[0].get("headers", [])}
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent).decode(), held


def status(settings, *headers, **request) -> int:
    return ask(settings, *headers, **request)[0]


def test_each_mutation_of_dagster_has_its_role():
    mutation = create_schema().graphql_schema.mutation_type
    assert mutation is not None
    assert set(mutation.fields) == KNOWN, "say in pods.roles who may send the new ones"
    assert Role.VIEWER.may < Role.OPERATOR.may < Role.ADMIN.may


@pytest.mark.parametrize(
    ("who", "read", "launch", "delete"),
    [(VIEWER, 200, 403, 403), (OPERATOR, 200, 200, 403), (ADMIN, 200, 200, 200)],
)
def test_a_role_may_what_its_list_has(who, read, launch, delete):
    for body, expected in ((READ, read), (LAUNCH, launch), (DELETE, delete)):
        assert status(BASIC, basic(*who), body=body) == expected


@pytest.mark.parametrize(
    "headers",
    [
        (), (basic("admin", ""),), (basic("admin", "v"),), (basic("viewer", "a"),),
        (basic("root", "a"),), (basic("ADMIN", "a"),), (basic(*ADMIN), basic(*ADMIN)),
        (("authorization", "Bearer a"),), (("authorization", "Basic a"),),
        (("authorization", "Basic YQ=="),), (("authorization", "Basic \u00e9"),),
        (("x-forwarded-user", "admin"), ("x-forwarded-groups", "bosses")),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "request_",
    [
        {}, {"method": "GET", "path": "/"}, {"method": "GET", "path": "/graphql"},
        {"method": "GET", "path": "/server_info"}, {"method": "GET", "path": "/logs/x/stdout"},
        {"path": "//graphql"}, {"path": f"{HEALTHY}/../graphql"},
        {"kind": "websocket", "path": "/graphql"},
    ],
)  # fmt: skip
def test_without_a_password_nothing_answers(headers, request_):
    code, line, answered = ask(BASIC, *headers, **request_)
    assert (code, line.count("\n")) == (401, 1)
    assert answered["www-authenticate"].startswith("Basic ")


def test_a_role_without_a_password_has_no_user():
    settings = {"auth": "basic", "admin_password": "a"}
    assert status(settings, basic("viewer", "")) == 401
    assert status(settings, basic(*ADMIN)) == 200


def test_a_probe_needs_no_password_and_learns_nothing():
    assert ask(BASIC, method="GET", path=HEALTHY)[:2] == (200, "ok\n")


@pytest.mark.parametrize(
    ("groups", "launch"),
    [("bosses", 200), ("guests,night shift", 200), ("guests", 403), ("others", 403), ("", 403)],
)
def test_a_proxys_groups_give_the_role(groups, launch):
    headers = [
        basic("ann@example.com", "between-them"), ("x-forwarded-email", "ann@example.com"),
        ("x-forwarded-groups", groups),
    ]  # fmt: skip
    assert status(PROXY, *headers, body=LAUNCH) == launch
    seen = 200 if set(groups.split(",")) & {"bosses", "night shift", "guests"} else 403
    assert status(PROXY, *headers, body=READ) == seen
    assert status({**PROXY, "default_role": "viewer"}, *headers, body=READ) == 200


def test_who_is_not_the_proxy_can_not_speak_for_it():
    groups = ("x-forwarded-groups", "bosses")
    user = ("x-forwarded-email", "ann@example.com")
    for headers in ((), (basic("ann", "guess"),), (basic("admin", ""),)):
        assert status(PROXY, *headers, user, groups) == 401
    passed = basic("ann", "between-them")
    assert status(PROXY, passed, user, groups, ("x-forwarded-groups", "guests")) == 403
    assert status(PROXY, passed, groups) == 403


@pytest.mark.parametrize(
    "query",
    [
        'mutation { deleteRun(runId: "x") { __typename } }',
        'query Read { version } mutation Also { deleteRun(runId: "x") { __typename } }',
        'mutation { ...F } fragment F on Mutation { deleteRun(runId: "x") { __typename } }',
        'mutation { ... on Mutation { ... { deleteRun(runId: "x") { __typename } } } }',
        "mutation { ...F } fragment F on Mutation { ...F x: deleteRun { a } }",
        'mutation { setNuxSeen x: deleteRun(runId: "x") { __typename } }',
        "mutation { somethingNew }",
    ],
)
@pytest.mark.parametrize("who", [VIEWER, OPERATOR])
def test_no_way_of_writing_a_mutation_hides_it(query, who):
    code, line, _ = ask(BASIC, basic(*who), body={"query": query, "operationName": "Read"})
    assert code == 403
    assert ("deleteRun" in line) or ("somethingNew" in line)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b'{"query": 1}', b'{"query": "mutation {"}', b"{}", b"\xff\xfe",
        b'[{"query": "{ version }"}]', b'{"query": "{ a' + b" b" * 30_000 + b' }"}',
    ],
)  # fmt: skip
def test_what_is_no_query_is_refused_in_one_line(body):
    code, line, _ = ask(BASIC, basic(*ADMIN), body=body)
    assert (code, line.count("\n")) == (400, 1)


def test_a_body_without_an_end_is_refused():
    assert status(BASIC, basic(*ADMIN), body=b" " * (LARGEST_BODY_BYTES + 1)) == 413


@pytest.mark.parametrize("path", ["//graphql", "/a/../graphql", "/./graphql", "/a\\graphql", "x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_can_be_read_in_two_ways_is_refused(path, method):
    assert status(BASIC, basic(*ADMIN), path=path, method=method) == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/graphql"), ("DELETE", "/graphql"), ("POST", "/"), ("POST", "/logs/x"),
     ("PATCH", "/report_asset_check/x"), ("POST", "/graphql/x")],
)  # fmt: skip
def test_what_no_list_has_is_refused_to_everybody(method, path):
    assert status(BASIC, basic(*ADMIN), method=method, path=path) == 405


@pytest.mark.parametrize("prefix", ["", "/dagster"])
def test_reports_of_assets_are_an_admins(prefix):
    path = f"{prefix}/report_asset_materialization/shop/orders"
    assert status(BASIC, basic(*OPERATOR), path=path) == 403
    assert status(BASIC, basic(*ADMIN), path=path) == 200


def started(query: str) -> dict:
    return {"type": "start", "id": "1", "payload": {"query": query}}


def test_a_websocket_is_for_reads():
    who = basic(*ADMIN)
    fine = [{"type": "connection_init"}, started("subscription { capturedLogs { stdout } }")]
    assert status(BASIC, who, kind="websocket", messages=fine) == 200
    for bad in (started(LAUNCH["query"]), started("{"), started(1), "text", ["x"]):
        assert status(BASIC, who, kind="websocket", messages=[*fine, bad]) == 1008


def test_each_mutation_and_each_failed_login_is_one_line(caplog):
    caplog.set_level("INFO", "pods.audit")
    ask(BASIC, basic(*VIEWER), body=READ)
    ask(BASIC, basic(*VIEWER), body={"query": "mutation { setNuxSeen }"})
    ask(BASIC, basic(*OPERATOR), body=LAUNCH)
    ask(BASIC, basic(*OPERATOR), body=DELETE)
    ask(BASIC, basic("admin", "guess\n{}"))
    lines = [json.loads(record.message) for record in caplog.records]
    who = {"user": "operator", "role": "operator", "from": "10.0.0.7"}
    assert lines[0] == {"audit": "mutation", **who, "allowed": True, "names": ["launchRun"]}
    assert lines[1] == {"audit": "mutation", **who, "allowed": False, "names": ["deleteRun"]}
    assert lines[2]["audit"] == "login" and lines[2]["allowed"] is False
    assert len(lines) == 3
    assert "guess" not in caplog.text


def test_a_login_without_its_secret_does_not_start():
    for auth in ("basic", "proxy"):
        with pytest.raises(ValidationError, match="which is not set"):
            AccessSettings(auth=auth)


def test_a_long_query_is_read_too():
    assert mutations("mutation { launchRun }" + " " * 60_000) == ("launchRun",)


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET", "path": "/graphql\n"}, {"method": "GET", "path": "/graphql\x7f"},
        {"method": "HEAD", "path": "/graphql\n"}, {"path": "/graphql\n", "body": DELETE},
    ],
)  # fmt: skip
def test_a_path_with_a_control_character_is_refused(request_):
    assert status(BASIC, basic(*VIEWER), **request_) == 400


@pytest.mark.parametrize("path", ["/graphql", "/", "/runs", "/graphql/x"])
@pytest.mark.parametrize("query", ["query=mutation", "a=b&%71uery=x", "query"])
def test_graphql_in_the_url_is_refused_at_any_path(path, query):
    assert status(BASIC, basic(*ADMIN), method="GET", path=path, query=query) == 405


@pytest.mark.parametrize("path", ["/report_asset_check/graphql", "/p/report_asset_check/a/graphql"])
def test_a_report_of_an_asset_called_graphql_is_a_report(path):
    assert status(BASIC, basic(*OPERATOR), path=path) == 403


def test_fragments_that_multiply_are_read_once():
    levels = range(40)
    text = "mutation { ...f0 } " + " ".join(
        f"fragment f{n} on Mutation {{ ...f{n + 1} ...f{n + 1} }}" for n in levels
    )
    assert mutations(text + " fragment f40 on Mutation { deleteRun }") == ("deleteRun",)


def test_a_users_colons_and_a_groups_umlauts_are_understood():
    settings = {**PROXY, "role_groups": {"admin": ["Führung"]}}
    headers = [
        basic("f:42:ann", "between-them"), ("x-forwarded-user", "f:42:ann"),
        ("x-forwarded-groups", "Führung"),
    ]  # fmt: skip
    assert status(settings, *headers, body=LAUNCH) == 200
