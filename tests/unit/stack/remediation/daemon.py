"""Alerts in a folder or a bucket, and a daemon that starts what the sensor asks for."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import fsspec
from fsspec.implementations.local import LocalFileSystem

from stack.alerts import Alert
from stack.artifacts import ArtifactStore
from stack.remediation.handover import VERDICT, Verdict
from stack.remediation.sensor import data_quality_alert_sensor
from stack.settings import StackSettings, load_settings
from stack.tags import STAGE_TAG

STATUS = dg.DagsterRunStatus


class Bucket(LocalFileSystem):
    """A store that fails as told: the name of an operation, and part of a path."""

    protocol = ("bucket",)
    broken: tuple[tuple[str, str], ...] = ()

    def _may(self, operation: str, path: str) -> None:
        if any(operation == broken and part in path for broken, part in Bucket.broken):
            raise RuntimeError(f"no answer to {operation}")

    def ls(self, path, detail=False, **kwargs):
        self._may("ls", path)
        return super().ls(path, detail=detail, **kwargs)

    def cat_file(self, path, **kwargs):
        self._may("cat", path)
        return super().cat_file(path, **kwargs)

    def pipe_file(self, path, value, **kwargs):
        self._may("write", path)
        return super().pipe_file(path, value, **kwargs)

    def rm_file(self, path):
        self._may("rm", path)
        return super().rm_file(path)

    def mv(self, path1, path2, **kwargs):
        self._may("mv", path1)
        return super().mv(path1, path2, **kwargs)


fsspec.register_implementation("bucket", Bucket, clobber=True)


@dg.job
def a_slice():
    pass


@dataclass
class Daemon:
    """The sensor's cursor and the runs of its requests, by run key once each."""

    home: Path
    instance: dg.DagsterInstance
    cursor: str | None = None
    said: str = ""
    runs: dict[str, dg.DagsterRun] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder of alerts."""
        return self.home / "alerts"

    def drop(self, name: str, **fields) -> Path:
        """Write an alert as anybody may."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / name
        file.write_text(json.dumps(plain(**fields)))
        return file

    def tick(self, *, lost: bool = False) -> list[dg.RunRequest]:
        """One tick. `lost`: the daemon dies before it starts runs and keeps the cursor."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        data = data_quality_alert_sensor.evaluate_tick(context)
        self.said = data.skip_message or ""
        requests = data.run_requests or []
        if not lost:
            self.cursor = data.cursor or self.cursor
            for request in requests:
                if request.run_key not in self.runs:
                    self.runs[request.run_key] = self.start(request)
        return requests

    def start(self, request: dg.RunRequest, status=STATUS.STARTED, **tags) -> dg.DagsterRun:
        """A run of a request."""
        tags = {STAGE_TAG: "ingestion", **request.tags, **tags}
        return self.instance.create_run_for_job(a_slice, tags=tags, status=status)

    def end(self, run: dg.DagsterRun, outcome: str | None = None, *, failed=False) -> None:
        """End a run, with a verdict or without."""
        if outcome:
            store = ArtifactStore(load_settings(StackSettings).artifacts)
            store.put_model(run.run_id, VERDICT, Verdict(outcome=outcome))
        if failed or outcome == "not_healed":
            self.instance.report_run_failed(run)
        else:
            event = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name="a_slice")
            self.instance.report_dagster_event(event, run.run_id)

    def incoming(self) -> list[str]:
        """Files that wait."""
        return sorted(f.name for f in self.folder.iterdir() if f.is_file())

    def archive(self) -> dict[str, dict]:
        """What was archived, by the alert's description."""
        files = [json.loads(f.read_text()) for f in self.folder.glob("archived/*.json")]
        return {f["alert"]["description"]: f["handling"] for f in files}

    def rejected(self) -> list[str]:
        """Files that are no alerts, and their reasons."""
        return sorted(f.name for f in self.folder.glob("rejected/*"))


def plain(**fields) -> dict:
    """An alert that is remedied unless `fields` say otherwise, as JSON has it."""
    wanted = {
        "type": "great_expectations_failure",
        "severity": "critical",
        "description": "rows fail",
        "source": "great_expectations",
        "tables": ["raw.books_invoices"],
        **fields,
    }
    return Alert(**wanted).model_dump(mode="json")
