"""The UI behind the ingress, in a real browser: graph, launch, live logs.

INGRESS_ADDRESS is the ingress controller's IP address; CHROMIUM is the path of the browser.
SCREENSHOTS names a folder for what the browser showed.
"""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect, sync_playwright

from cluster.kube import wait_for
from stack.pipelines import MONITORING

HOST = "stack.example.test"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def address() -> str:
    given = os.environ.get("INGRESS_ADDRESS")
    assert given, "INGRESS_ADDRESS: set it to the IP address of the cluster's ingress controller"
    return given


@pytest.fixture
def page(address, release, tmp_path):
    """A page in Chromium that only finds HOST, at the ingress, as the user admin."""
    program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    rules = f"--host-resolver-rules=MAP {HOST} {address}, MAP * ~NOTFOUND"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, rules])
        page = browser.new_page(
            viewport={"width": 1600, "height": 900},
            http_credentials={
                "username": "admin", "password": release.secret("auth")["admin-password"]
            },
        )  # fmt: skip
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def keep(page, name: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"{name}.png")


def question(release, url: str) -> Request:
    return Request(url, headers={"Host": HOST, **release.login})


@pytest.fixture(scope="module")
def served(release, address, request):
    """The release with its UI under `request.param` behind the ingress; it stays so."""
    ingress = ("--set", "ingress.enabled=true", "--set", f"ingress.host={HOST}")
    release.install(*ingress, path_prefix=request.param)
    url = question(release, f"http://{address}{request.param}/server_info")

    def answers() -> bool:
        try:
            with urlopen(url, timeout=5) as answer:
                return "dagster_version" in json.load(answer)
        except (OSError, ValueError):  # the ingress controller still has the replaced pod
            return False

    wait_for(answers, "for the ingress to lead to the new webserver")
    return f"http://{HOST}{request.param}"


@pytest.mark.parametrize("served", ["", "/dagster"], indirect=True)
def test_a_person_sees_the_graph_launches_a_run_and_watches_its_logs(served, page, tmp_path):
    frames: list[str] = []

    def listen(socket):
        socket.on("framereceived", lambda frame: frames.append(str(frame)))

    page.on("websocket", listen)
    page.goto(f"{served}/locations/transformation/asset-groups/marts/lineage")
    expect(page.get_by_text("receivables_ageing").first).to_be_visible(timeout=60_000)
    keep(page, "asset-graph", tmp_path)

    page.goto(f"{served}/locations/catalog/jobs/{MONITORING.name}/playground")
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/runs/**")
    expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible(timeout=180_000)
    keep(page, "run-logs", tmp_path)
    # The page wasn't reloaded: the events came through the websocket.
    assert any("RUN_SUCCESS" in frame for frame in frames)


@pytest.mark.parametrize("served", [""], indirect=True)
def test_nobody_notices_that_the_webserver_is_replaced(release, served, address):
    """The ingress always has a pod to ask."""
    url = question(release, f"http://{address}/server_info")
    name = f"deployment/{release.fullname}-webserver"
    before = set(release.namespace.names("pods", release.selector("webserver")))
    release.namespace.kubectl("rollout", "restart", name)
    over = threading.Event()

    def ask() -> list[str]:
        """What went wrong while asking without a pause."""
        wrong = []
        while not over.is_set():
            try:
                with urlopen(url, timeout=10) as answer:
                    answer.read()
            except OSError as error:
                wrong.append(str(error))
        return wrong

    def is_replaced() -> bool:
        pods = release.namespace.names("pods", release.selector("webserver"))
        return len(pods) == 1 and not before & set(pods)

    with ThreadPoolExecutor() as pool:
        asking = pool.submit(ask)
        try:
            wait_for(is_replaced, lambda: release.namespace.names("pods"))
        finally:
            over.set()
    assert not asking.result()
