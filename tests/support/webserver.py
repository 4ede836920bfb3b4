"""A real webserver of the stack, and the API calls that the UI makes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from support.servers import free_port, wait_until
from support.stack_process import StackProcess

DEADLINE_S = 600.0
LAUNCH = """mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
REEXECUTE = """mutation ($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""

BACKFILL = """mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
PROGRESS = """query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { partitionStatusCounts { runStatus count } } } }"""


class Webserver:
    """The API at `url`; `headers` go with each request."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url, self.headers = url, dict(headers or {})

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """The answer's `data`."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": text, "variables": variables}).encode(),
            headers={"Content-Type": "application/json", **self.headers},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            return bool(self.query("{ version }")["version"])
        except OSError:
            return False

    def launch(
        self, location: str, job: str, config: Mapping[str, Any] | None = None, **tags: str
    ) -> str:
        """Launch a job like the Launchpad; return the run's id."""
        params = {
            "selector": {
                "repositoryLocationName": location,
                "repositoryName": "__repository__",
                "jobName": job,
            },
            "runConfigData": dict(config or {}),
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        return self._run_id(self.query(LAUNCH, params=params)["launchRun"])

    def reexecute(self, run_id: str) -> str:
        """Re-execute a run from its failure; return the new run's id."""
        params = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
        return self._run_id(self.query(REEXECUTE, params=params)["launchRunReexecution"])

    def backfill(self, location: str, job: str, days: Sequence[str], **tags: str) -> str:
        """Start a backfill of a job's days like the UI's page of partitions; return its id."""
        repository = {"repositoryLocationName": location, "repositoryName": "__repository__"}
        params = {
            "selector": {
                "partitionSetName": f"{job}_partition_set",
                "repositorySelector": repository,
            },
            "partitionNames": list(days),
            "tags": [{"key": k, "value": v} for k, v in tags.items()],
        }
        answer = self.query(BACKFILL, params=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return answer["backfillId"]

    def backfill_progress(self, backfill_id: str) -> dict[str, int]:
        """How many of a backfill's days are in each state, as on its page."""
        found = self.query(PROGRESS, id=backfill_id)["partitionBackfillOrError"]
        counts = {c["runStatus"]: c["count"] for c in found["partitionStatusCounts"]}
        return {status: count for status, count in counts.items() if count}

    @staticmethod
    def _run_id(answer: dict[str, Any]) -> str:
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a login."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@contextmanager
def webserver(stack: StackProcess, workspace: str = "workspace.yaml") -> Iterator[Webserver]:
    """A webserver for the workspace's locations, stopped at the end."""
    port = free_port()
    log = stack.home / "webserver.log"
    with log.open("a") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pods.webserver",
                "-w",
                stack.home / workspace,
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
            ],
            env=stack.env(),
            stdout=output,
            stderr=output,
        )
        try:
            server = Webserver(f"http://127.0.0.1:{port}")
            wait_until(server.answers, "the webserver", log, process, within_s=DEADLINE_S)
            yield server
        finally:
            process.terminate()
            process.wait(120)
