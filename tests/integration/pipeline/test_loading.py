"""The definitions load as documented: no environment, no network, no warning."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from support.servers import free_port
from support.stack_process import COMMAND, GUARD, ROOT, clean_environment

DEADLINE_S = 600
TARGETS = {
    "merged": [],
    "four locations": ["--locations"],
}
# As in the Makefile.
MAKE_DEV = [sys.executable, COMMAND, "dev"]
ASSETS = '{"query": "{ assetNodes { assetKey { path } opNames } }"}'


def environment(log: Path) -> dict[str, str]:
    return clean_environment(
        PYTHONPATH=str(GUARD),
        NO_NETWORK_LOG=str(log),
        STACK_HOME=str(log.parent / "stack"),
        # Dagster 1.13 says that it likes `dg` better.
        PYTHONWARNINGS="ignore:Function `definitions_validate_command` is superseded",
    )


def test_the_definitions_are_valid(tmp_path):
    log = tmp_path / "network.log"
    result = subprocess.run(
        [Path(sys.executable).parent / "dagster", "definitions", "validate",
         "-f", f"{ROOT}/code_locations/definitions.py", "-d", str(ROOT)],
        cwd=ROOT, env=environment(log), capture_output=True, text=True, timeout=DEADLINE_S,
        check=False,
    )  # fmt: skip
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    assert not re.search("warning", output, re.IGNORECASE), output
    assert not log.exists(), log.read_text()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_make_dev_opens_the_ui_with_the_six_assets(target, tmp_path):
    log, port = tmp_path / "network.log", free_port()
    output = tmp_path / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*MAKE_DEV, *target, "--port", str(port), "--host", "127.0.0.1"],
            cwd=ROOT, env=environment(log), stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        nodes = ask(f"http://127.0.0.1:{port}/graphql", process, output)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(DEADLINE_S)
        finally:
            with suppress(ProcessLookupError):  # as it should be: nothing of it is left
                os.killpg(process.pid, signal.SIGKILL)
    paths = set(paths_of(nodes))
    assert {
        ("airbyte_sync_job",),
        ("dlt_ingestion_pipeline",),
        ("dbt_run",),
        ("dbt_test",),
        ("great_expectations_validation",),
        ("datahub_metadata_ingestion",),
        ("raw", "books_invoices"),
        ("staging", "stg_books__invoices"),
        ("marts", "revenue_by_month"),
    } <= paths
    # What monitoring observes is outside; everything else is made by some location.
    unmade = {
        path for path, node in zip(paths_of(nodes), nodes, strict=True) if not node["opNames"]
    }
    assert {path[0] for path in unmade} <= {"health"}
    assert not re.search("warning", output.read_text(), re.IGNORECASE), output.read_text()
    assert not log.exists(), log.read_text()


def paths_of(nodes: list[dict]) -> list[tuple[str, ...]]:
    return [tuple(node["assetKey"]["path"]) for node in nodes]


def ask(url: str, process: subprocess.Popen[bytes], output: Path) -> list[dict]:
    """The asset nodes of the UI's API, as soon as it answers with all locations loaded."""
    deadline = time.monotonic() + DEADLINE_S
    request = urllib.request.Request(
        url, data=ASSETS.encode(), headers={"Content-Type": "application/json"}
    )
    while True:
        assert process.poll() is None, output.read_text()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                nodes = json.load(answer)["data"]["assetNodes"]
            if any(n["assetKey"]["path"] == ["datahub_metadata_ingestion"] for n in nodes):
                return nodes
        except OSError:
            pass
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.2)
