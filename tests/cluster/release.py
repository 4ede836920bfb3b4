"""A release of the chart: install it, launch runs by the UI's API, look at the results."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from cluster.kube import Namespace, Way, output_of, wait_for
from scripts.chart_values_page import CHART
from support.webserver import Webserver, basic

T = TypeVar("T")
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
RUN = """query ($id: ID!) { runOrError(runId: $id) { ... on Run {
  runId status jobName tags { key value } creationTime startTime endTime updateTime } } }"""
RUNS = """query ($filter: RunsFilter, $limit: Int) { runsOrError(filter: $filter, limit: $limit) {
  ... on Runs { results { runId status jobName tags { key value }
    creationTime startTime endTime updateTime } } } }"""
EVENTS = """query ($id: ID!, $after: String) { logsForRun(runId: $id, afterCursor: $after) {
  ... on EventConnection { cursor hasMore events { __typename
    ... on MessageEvent { message timestamp stepKey eventType } } } } }"""
TERMINATE = """mutation ($id: String!) { terminateRun(runId: $id) { __typename
  ... on TerminateRunFailure { message } ... on PythonError { message } } }"""
LOADED = """{ workspaceOrError { ... on Workspace { locationEntries { name
  locationOrLoadError { __typename ... on PythonError { message } } } } } }"""


def helm(*arguments: str) -> str:
    """What helm prints."""
    program = os.environ.get("HELM_BIN") or shutil.which("helm") or "helm"
    return output_of(program, *arguments)


class ForwardedWebserver(Webserver):
    """The UI's API, as admin: waits for a pod that starts, ends or is busy."""

    def __init__(self, way: Way, path_prefix: str, headers: Mapping[str, str]) -> None:
        super().__init__("", headers)
        self._way, self._prefix = way, path_prefix

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Like Webserver's, but retries anything that only reads for a minute."""
        if text.startswith("mutation"):
            return self._asked(text, **variables)
        return asked_again(lambda: self._asked(text, **variables))

    def _asked(self, text: str, **variables: Any) -> dict[str, Any]:
        self.url = f"http://127.0.0.1:{self._way.port}{self._prefix}"
        try:
            return super().query(text, **variables)
        except OSError:
            self._way.close()
            raise


def asked_again(ask: Callable[[], T]) -> T:
    """The result of `ask`; repeated for a minute while the webserver refuses or breaks off."""
    refused: list[OSError] = []

    def answer() -> T | None:
        try:
            return ask()
        except OSError as error:
            refused.append(error)
            return None

    return wait_for(answer, lambda: refused[-1], seconds=60)


@dataclass
class Release:
    """One release in its namespace.

    `values` are helm's flags for every install; `path_prefix` is where the UI has been served since
    the last one. `folder` is for logs.
    """

    name: str
    namespace: Namespace
    folder: Path
    values: list[str] = field(default_factory=list)
    path_prefix: str = ""

    @property
    def fullname(self) -> str:
        """The prefix of its objects' names."""
        return f"{self.name}-freelancer-data-stack"

    @cached_property
    def way(self) -> Way:
        """The forwarded port of the UI."""
        target = f"service/{self.fullname}-webserver"
        return Way(self.namespace, target, "http", self.folder / "way.log")

    @property
    def ui(self) -> ForwardedWebserver:
        """The UI's API."""
        return ForwardedWebserver(self.way, self.path_prefix, self.login)

    @cached_property
    def login(self) -> dict[str, str]:
        """The header of the user admin."""
        return basic("admin", self.secret("auth")["admin-password"])

    def is_installed(self) -> bool:
        """Whether helm knows it."""
        found = helm("list", "--namespace", self.namespace.name, "--short", "--all")
        return self.name in found.split()

    def install(
        self, *settings: str, path_prefix: str = "", wait_for_locations: bool = True
    ) -> None:
        """Install, or upgrade in place, with helm's flags, and wait until everything is ready.

        Settings of earlier calls are dropped, although helm itself keeps them if no value is given.
        The webserver lists its locations only to users with a password.
        """
        helm(
            "upgrade", "--install", "--reset-values", self.name, str(CHART),
            "--namespace", self.namespace.name, "--wait", "--wait-for-jobs", "--timeout", "10m",
            *self.values, *settings, "--set", f"webserver.pathPrefix={path_prefix}",
        )  # fmt: skip
        self.path_prefix = path_prefix
        self.way.close()
        self.__dict__.pop("login", None)
        if wait_for_locations:
            self.wait_until_loaded()

    def wait_until_loaded(self) -> None:
        """Wait until the webserver knows all locations."""

        def all_loaded() -> bool:
            entries = self.ui.query(LOADED)["workspaceOrError"]["locationEntries"]
            loaded = [(e["locationOrLoadError"] or {}).get("__typename") for e in entries]
            return bool(loaded) and set(loaded) == {"RepositoryLocation"}

        wait_for(all_loaded, lambda: self.ui.query(LOADED))

    def launch(
        self, location: str, job: str, config: Mapping[str, Any] | None = None, **tags: str
    ) -> str:
        """Launch a job as the UI does; return the run's id.

        The webserver may drop the connection while it meets new code servers. A unique tag shows
        whether the run was made anyway; if not, it is launched again, for a minute. If so, it must
        get into the queue.
        """
        mark = {"test/launch": uuid.uuid4().hex}
        tried = False

        def launched() -> str:
            nonlocal tried
            if tried and (made := self.runs(tags=mark)):
                if made[-1]["status"] == "NOT_STARTED":
                    raise ConnectionError(f"run {made[-1]['runId']} was made, but isn't queued")
                return str(made[-1]["runId"])
            tried = True
            return self.ui.launch(location, job, config, **tags, **mark)

        return asked_again(launched)

    def run(self, run_id: str) -> dict[str, Any]:
        """A run's record: status, jobName, tags as a dict, times in seconds."""
        return _record(self.ui.query(RUN, id=run_id)["runOrError"])

    def runs(self, limit: int = 500, **filters: Any) -> list[dict[str, Any]]:
        """Records of runs, newest first. Filters are those of GraphQL's RunsFilter."""
        tags = [{"key": k, "value": v} for k, v in filters.pop("tags", {}).items()]
        found = self.ui.query(RUNS, filter={**filters, "tags": tags}, limit=limit)
        return [_record(run) for run in found["runsOrError"]["results"]]

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """The events of a run, oldest first."""
        events: list[dict[str, Any]] = []
        after = None
        while True:
            page = self.ui.query(EVENTS, id=run_id, after=after)["logsForRun"]
            events += page["events"]
            after = page["cursor"]
            if not page["hasMore"]:
                return events

    def terminate(self, run_id: str) -> None:
        """Terminate a run as the UI does."""
        answer = self.ui.query(TERMINATE, id=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def wait_for_run(
        self, run_id: str, statuses: Collection[str] = ENDED, seconds: float = 600
    ) -> dict[str, Any]:
        """The run's record once it has one of these statuses."""

        def reached() -> dict[str, Any] | None:
            record = self.run(run_id)
            if record["status"] in ENDED and record["status"] not in statuses:
                raise AssertionError(self.story_of(run_id))
            return record if record["status"] in statuses else None

        return wait_for(reached, lambda: self.story_of(run_id), seconds)

    def wait_for_stages(
        self, pipeline_id: str, stages: Collection[str], seconds: float = 900
    ) -> list[dict[str, Any]]:
        """The runs of a pipeline, in order, once each of the stages has succeeded."""

        def reached() -> list[dict[str, Any]]:
            runs = self.runs(tags={"pipeline/id": pipeline_id})
            for run in runs:
                if run["status"] in {"FAILURE", "CANCELED"}:
                    raise AssertionError(self.story_of(run["runId"]))
            done = [r for r in reversed(runs) if r["status"] == "SUCCESS"]
            return done if {r["tags"]["stage"] for r in done} >= set(stages) else []

        return wait_for(
            reached,
            lambda: [
                (r["tags"].get("stage"), r["status"])
                for r in self.runs(tags={"pipeline/id": pipeline_id})
            ],
            seconds,
        )

    def story_of(self, run_id: str) -> str:
        """The status and last events of a run, to explain a test's failure."""
        lines = [f"{e.get('eventType')} {e.get('message')}" for e in self.events(run_id)[-15:]]
        return f"run {run_id} is {self.run(run_id)['status']}:\n" + "\n".join(lines)

    def run_pods(self, run_id: str = "") -> list[dict[str, Any]]:
        """The pods of runs and their steps, or those of one run."""
        selector = "app.kubernetes.io/managed-by=dagster"
        selector += f",dagster/run-id={run_id}" if run_id else ""
        return self.namespace.get("pods", selector)

    def location_selector(self, location: str) -> str:
        """The selector of a location's code server."""
        return (
            f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component=code-location,"
            f"freelancer-data-stack/location={location}"
        )

    def selector(self, component: str) -> str:
        """The selector of another component's pods."""
        return f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"

    def secret(self, name: str) -> dict[str, str]:
        """The content of one of the release's Secrets."""
        import base64

        text = self.namespace.kubectl("get", "secret", f"{self.fullname}-{name}", "-o", "json")
        held = json.loads(text)["data"]
        return {key: base64.b64decode(value).decode() for key, value in held.items()}


def _record(run: dict[str, Any]) -> dict[str, Any]:
    return run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}}
