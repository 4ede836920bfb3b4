"""`stack observe` as a process: who may ask what, how it ends, and where it continues."""

import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import dagster as dg
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from observability.metrics.counting import Sums
from observability.metrics.kept import KEY
from support.observed import Observed
from support.servers import wait_until
from support.stack_process import COMMAND, StackProcess

DEADLINE_S = 300.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    home = tmp_path_factory.mktemp("observe")
    with Observed.opened(home) as observed:
        observed.run("loading")
        yield StackProcess(home, {"OBSERVE_PORT": "0", "DAGSTER_HOME": str(home / "dagster")})


@contextmanager
def observing(stack, log):
    """The process and its address, once it answers."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, COMMAND, "observe"], env=stack.env(), stdout=output, stderr=output
        )
    try:
        wait_until(lambda: "metrics at " in log.read_text(), "metrics", log, process)
        yield process, log.read_text().partition("metrics at ")[2].split("/metrics")[0]
    finally:
        process.kill()
        process.wait(60)


def ask(url, method="GET", **headers):
    try:
        with urlopen(Request(url, method=method, headers=headers), timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_it_answers_scrapes_and_nothing_else_and_keeps_its_sums_at_its_end(stack, tmp_path):
    with observing(stack, tmp_path / "log") as (process, url):
        status, headers, text = ask(f"{url}/metrics")
        assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
        assert 'stack_table_rows{asset_key="raw/orders"} 41.0' in text
        accept = "application/openmetrics-text; version=1.0.0"
        status, headers, text = ask(f"{url}/metrics", Accept=accept)
        assert headers["Content-Type"].startswith("application/openmetrics-text")
        assert list(text_string_to_metric_families(text))
        assert ask(f"{url}/metrics", "HEAD")[0] == 200
        assert ask(f"{url}/healthz")[0] == 200
        assert ask(f"{url}/other")[0] == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "STRANGE"):
            status, headers, _ = ask(f"{url}/metrics", method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")
        # A page of another website, whose name was made to lead here.
        assert ask(f"{url}/metrics", Host="evil.example")[0] == 403
        assert ask(f"{url}/metrics", Host="localhost:9101")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        lines = (tmp_path / "log").read_text().splitlines()
        assert len(lines) == 1, lines  # nothing to say but where it is
    with dg.DagsterInstance.from_config(stack.environment["DAGSTER_HOME"]) as instance:
        kept = instance.run_storage.get_cursor_values({KEY})[KEY]
    assert set(Sums.model_validate_json(kept).succeeded) == {"loading"}


def test_a_port_that_is_taken_is_one_line(stack):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = StackProcess(stack.home, stack.environment | {"OBSERVE_PORT": str(port)})
        done = stack.run(COMMAND, "observe", timeout=DEADLINE_S)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "OBSERVE_PORT" in done.stderr
