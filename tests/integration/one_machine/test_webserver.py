"""The UI of `make dev` answers its own pages and programs, but not other sites' pages."""

import http.client
import json
import os
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import websockets.sync.client
from playwright.sync_api import expect, sync_playwright

from stack.pipelines import TRANSFORMATION
from support.http_server import Reply, http_server

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def run_id(dev) -> str:
    return run(dev)


def run(dev) -> str:
    run_id = dev.ui.launch(dev.name, TRANSFORMATION.name)
    dev.wait_for(lambda: dev.status(run_id) == "SUCCESS")
    return run_id


def delete(run_id: str) -> str:
    return f'mutation {{ deletePipelineRun(runId: "{run_id}") {{ __typename }} }}'


def ask(dev, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
    address = urlsplit(dev.ui.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body.encode() or None, named)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "text/plain; application/json"}, 415),
        ({"Content_Type": "application/graphql"}, 415),
        ({"Content_Type": "application/json", "Origin": "https://evil.example"}, 403),
        ({"Content_Type": "application/json", "Origin": "null"}, 403),
        ({"Content_Type": "application/json", "Host": "evil.example"}, 403),
    ],
    ids=str,
)
def test_a_foreign_page_can_not_delete_a_run(dev, run_id, headers, status):
    graphql = "graphql" in headers.get("Content_Type", "")
    body = delete(run_id) if graphql else json.dumps({"query": delete(run_id)})
    for path in ("/graphql", f"/graphql?query={quote(delete(run_id))}"):
        answered, line = ask(dev, "POST", path, body, **headers)
        assert (answered, line.count("\n")) in {(status, 1), (405, 1)}, line
    assert ask(dev, "GET", f"/graphql?query={quote(delete(run_id))}")[0] == 405
    assert dev.status(run_id) == "SUCCESS"


def test_its_own_page_can_delete_a_run(dev):
    run_id = run(dev)
    headers = {"Content_Type": "application/json; charset=utf-8", "Origin": dev.ui.url}
    body = json.dumps({"query": delete(run_id)})
    assert "DeletePipelineRunSuccess" in ask(dev, "POST", "/graphql", body, **headers)[1]
    assert dev.instance.get_run_by_id(run_id) is None


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:1"])
def test_a_foreign_page_can_not_subscribe(dev, origin):
    url = dev.ui.url.replace("http", "ws") + "/graphql"
    options = {"subprotocols": ["graphql-ws"]}
    with websockets.sync.client.connect(url, origin=dev.ui.url, **options):
        pass
    with (
        pytest.raises(websockets.exceptions.InvalidStatus) as told,
        websockets.sync.client.connect(url, origin=origin, **options),
    ):
        pass
    assert told.value.response.status_code == 403
    assert b"is not this site" in told.value.response.body


@pytest.fixture
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: install it, or name it in CHROMIUM")
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, rules])
        yield browser
        browser.close()


def test_a_person_sees_a_run_and_its_logs_live_in_a_browser(dev, run_id, browser):
    frames: list[str] = []
    page = browser.new_page()
    page.on("websocket", lambda s: s.on("framereceived", lambda frame: frames.append(str(frame))))
    page.goto(f"{dev.ui.url}/runs/{run_id}")
    expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible(timeout=120_000)
    assert any(run_id in frame for frame in frames)


ATTACK = """async ([url, query]) => {
  const plain = {method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"}};
  await fetch(`${url}/graphql`, {...plain, body: JSON.stringify({query})}).catch(() => 0);
  const inUrl = `${url}/graphql?query=${encodeURIComponent(query)}`;
  await fetch(inUrl, plain).catch(() => 0);
  await fetch(inUrl, {mode: "no-cors"}).catch(() => 0);
}"""


def test_a_foreign_page_in_a_browser_can_do_nothing(dev, run_id, browser):
    port = urlsplit(dev.ui.url).port
    page = browser.new_page()
    with http_server(lambda request: Reply(content="an innocent page")) as site:
        page.goto(f"http://evil.example:{site.port}/")
        page.evaluate(ATTACK, [dev.ui.url, delete(run_id)])
    assert dev.status(run_id) == "SUCCESS"
    # And after its name points to us.
    page.goto(f"http://evil.example:{port}/")
    assert "'evil.example" in page.content()
    assert "add the name to WEBSERVER_ALLOWED_HOSTS" in page.content()
