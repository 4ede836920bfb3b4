"""The UI's login behind the ingress: without one nothing answers; with one, what the role allows.

INGRESS_ADDRESS is the ingress controller's IP address. OIDC_ISSUER is a provider whose client is
OIDC_CLIENT (`id:secret`), with the users OIDC_ADMIN, OIDC_VIEWER and OIDC_STRANGER
(`name:password:group`; the last one's mail address isn't verified).
"""

import base64
import http.client
import json
import os
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from cluster.kube import output_of, wait_for
from cluster.release import helm
from cluster.test_ingress import FLAGS, keep
from support.webserver import basic

HOST = "login.example.test"
READ = "{ version }"
WIPE = 'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["x"]}}]) { __typename } }'
FORGED = {
    "X-Forwarded-User": "admin",
    "X-Forwarded-Email": "admin@example.com",
    "X-Forwarded-Groups": "admins",
    "X-Forwarded-Preferred-Username": "admin",
    "X-Forwarded-For": "127.0.0.1",
    "X-Real-IP": "127.0.0.1",
}
WEBSOCKET = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
    "Sec-WebSocket-Protocol": "graphql-ws",
}  # fmt: skip
REFUSED = {302, 400, 401, 403, 404, 405, 421}


def address() -> str:
    given = os.environ.get("INGRESS_ADDRESS")
    assert given, "INGRESS_ADDRESS: set it to the IP address of the cluster's ingress controller"
    return given


def named(variable: str) -> list[str]:
    given = os.environ.get(variable)
    if not given and os.environ.get("CLUSTER_TESTS") != "required":
        pytest.skip(f"no {variable}: see this module's docstring")
    assert given, f"{variable}: set it as this module's docstring says"
    return given.split(":") if variable != "OIDC_ISSUER" else [given]


def ask(
    method: str, path: str, headers: Mapping[str, str] | None = None, query: str = ""
) -> tuple[int, str]:
    """Status and text of a request through the ingress."""
    connection = http.client.HTTPConnection(address(), 80, timeout=30)
    body = json.dumps({"query": query}) if query else None
    content = {"Content-Type": "application/json"} if query else {}
    connection.request(method, path, body, {"Host": HOST, **content, **(headers or {})})
    answer = connection.getresponse()
    text = "" if answer.status == 101 else answer.read().decode(errors="replace")
    connection.close()
    return answer.status, text


def wait_for_the_ingress(wanted: int) -> None:
    """Wait until it leads to the pods of the last install."""

    def leads_there() -> bool:
        try:
            return ask("GET", "/")[0] == wanted
        except OSError:
            return False

    wait_for(leads_there, lambda: ask("GET", "/"))


@pytest.fixture(scope="module")
def ingress() -> tuple[str, ...]:
    return ("--set", "ingress.enabled=true", "--set", f"ingress.host={HOST}")


@pytest.fixture(scope="module")
def closed(release, ingress) -> Iterator[dict[str, dict[str, str]]]:
    """The release behind the ingress with its generated passwords: a header for each user."""
    before = release.secret("auth")
    release.install(*ingress)
    assert release.secret("auth") == before, "an upgrade made other passwords"
    wait_for_the_ingress(401)
    yield {
        role: basic(role, before[f"{role}-password"]) for role in ("admin", "operator", "viewer")
    }
    release.install()


def test_the_notes_say_how_to_get_in(closed, release):
    notes = helm("get", "notes", release.name, "--namespace", release.namespace.name)
    assert f"http://{HOST}" in notes
    [command] = [line.strip() for line in notes.splitlines() if "admin-password" in line]
    password = output_of("bash", "-c", command)
    assert closed["admin"] == basic("admin", password)


@pytest.mark.parametrize("headers", [{}, FORGED, basic("admin", ""), basic("admin", "admin")])
@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/", ""), ("GET", "/graphql", ""), ("POST", "/graphql", READ),
        ("POST", "/graphql", WIPE), ("POST", "//graphql", WIPE), ("POST", "/%2e/graphql", WIPE),
        ("POST", "/x/%2e%2e/graphql", WIPE), ("POST", "/%67raphql", WIPE),
        ("GET", "/server_info", ""), ("GET", "/metrics", ""), ("GET", "/logs/x/stdout", ""),
        ("POST", "/report_asset_materialization/x", ""), ("GET", "/-/healthy/../graphql", ""),
    ],
)  # fmt: skip
def test_nothing_answers_without_a_password(closed, headers, method, path, query):
    status, text = ask(method, path, headers, query)
    assert status in REFUSED - {302}
    assert "dagster" not in text.lower()


def test_a_websocket_needs_the_password_too(closed):
    assert ask("GET", "/graphql", WEBSOCKET)[0] == 401
    assert ask("GET", "/graphql", {**WEBSOCKET, **FORGED})[0] == 401
    assert ask("GET", "/graphql", {**WEBSOCKET, **closed["viewer"]})[0] == 101


def test_another_host_is_not_answered(closed):
    for name in ("evil.example", f"{HOST}.evil.example"):
        assert ask("GET", "/", {"Host": name, **closed["admin"]})[0] in {403, 404}


def test_a_viewer_reads_and_changes_nothing(closed):
    viewer = closed["viewer"]
    assert ask("GET", "/", viewer)[0] == 200
    assert ask("POST", "/graphql", viewer, READ)[0] == 200
    for path in ("/graphql", "//graphql", "/%2e/graphql", "/%67raphql"):
        for forged in ({}, FORGED):
            assert ask("POST", path, {**viewer, **forged}, WIPE)[0] in {400, 403, 404}
    for method in ("PUT", "DELETE", "PATCH"):
        assert ask(method, "/graphql", viewer, READ)[0] == 405
    assert ask("POST", "/report_asset_materialization/x", viewer)[0] in {403, 415}


def test_an_admins_change_is_one_line_of_the_log(closed, release):
    assert ask("POST", "/graphql", closed["operator"], WIPE)[0] == 403
    assert ask("POST", "/graphql", closed["admin"], WIPE)[0] == 200
    # All of its pods: a replaced one answers until the ingress has noticed.
    pods = ("--selector", release.selector("webserver"), "--tail=200")
    log = release.namespace.kubectl("logs", *pods)
    told = [json.loads(line) for line in log.splitlines() if '"wipeAssets"' in line]
    found = {(line["user"], line["allowed"]) for line in told}
    assert found >= {("operator", False), ("admin", True)}


@pytest.fixture(scope="module")
def by_provider(release, closed, ingress, tmp_path_factory) -> None:
    """The release with the provider's login."""
    client, secret = named("OIDC_CLIENT")
    roles = {
        "admin": [named("OIDC_ADMIN")[2]],
        "operator": [],
        "viewer": [named("OIDC_VIEWER")[2]],
    }
    oidc = {
        "issuerUrl": named("OIDC_ISSUER")[0], "clientId": client, "clientSecret": secret,
        "roles": roles, "defaultRole": "",
    }  # fmt: skip
    file = tmp_path_factory.mktemp("oidc") / "values.yaml"
    file.write_text(json.dumps({"auth": {"mode": "oidc", "oidc": oidc}}))
    release.install(*ingress, "--values", str(file), wait_for_locations=False)
    wait_for_the_ingress(302)


@pytest.fixture
def page(by_provider) -> Iterator[Page]:
    program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    issuer = urlsplit(named("OIDC_ISSUER")[0]).hostname
    rules = f"MAP {HOST} {address()}, EXCLUDE {issuer}, MAP * ~NOTFOUND"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[*FLAGS, f"--host-resolver-rules={rules}"]
        )
        page = browser.new_page()
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def log_in(page: Page, variable: str) -> None:
    user, password, *_ = named(variable)
    page.goto(f"http://{HOST}/")
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(password)
    page.locator("[type=submit]").click()


def sent(page: Page, query: str, headers: Mapping[str, str] | None = None) -> int:
    """The status of a GraphQL request from the page."""
    return page.evaluate(
        """async ([query, headers]) => (await fetch("/graphql", {
             method: "POST", body: JSON.stringify({query}),
             headers: {"Content-Type": "application/json", ...headers}})).status""",
        [query, dict(headers or {})],
    )


@pytest.mark.parametrize(("variable", "wipe"), [("OIDC_ADMIN", 200), ("OIDC_VIEWER", 403)])
def test_a_user_of_the_provider_has_the_role_of_their_groups(page, variable, wipe, tmp_path):
    log_in(page, variable)
    expect(page.get_by_text("Runs").first).to_be_visible(timeout=60_000)
    keep(page, f"login-{variable}", tmp_path)
    assert sent(page, READ) == 200
    for forged in ({}, FORGED):
        assert sent(page, WIPE, forged) == wipe
    page.goto(f"http://{HOST}/oauth2/sign_out")
    page.goto(f"http://{HOST}/")
    expect(page.locator("[name=password]")).to_be_visible(timeout=60_000)


def test_a_user_without_a_verified_address_is_refused(page):
    log_in(page, "OIDC_STRANGER")
    page.wait_for_url(f"http://{HOST}/**")
    assert sent(page, READ) in {401, 403}


@pytest.mark.parametrize("headers", [{}, FORGED, basic("admin", ""), basic("ann", "secret")])
def test_nothing_answers_without_the_providers_login(by_provider, headers):
    for method, path, query in (
        ("GET", "/", ""), ("POST", "/graphql", READ), ("POST", "//graphql", WIPE),
        ("POST", "/%2e/graphql", WIPE), ("GET", "/server_info", ""), ("GET", "/metrics", ""),
    ):  # fmt: skip
        status, text = ask(method, path, headers, query)
        assert status in REFUSED
        assert "dagster" not in text.lower()
    assert ask("GET", "/graphql", {**WEBSOCKET, **headers})[0] in REFUSED
