"""What remediation's tests do with a stack."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from code_locations.definitions import defs
from stack.alerts import Alert, write_alert
from stack.remediation.sensor import data_quality_alert_sensor
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect

JOB = "data_quality_remediation_pipeline"


@dataclass
class Stack:
    """A stack in this process."""

    home: Path
    instance: dg.DagsterInstance
    cursor: str | None = None

    @property
    def alerts(self) -> Path:
        """The folder of alerts."""
        return self.home / "alerts"

    def waiting(self) -> list[str]:
        """Alerts that are not handled yet."""
        return sorted(file.name for file in self.alerts.glob("*.json"))

    def archived(self) -> list[dict[str, Any]]:
        """Content of the archive."""
        return [json.loads(f.read_text()) for f in sorted(self.alerts.glob("archived/*.json"))]

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement on the warehouse."""
        with connect(load_settings(WarehouseSettings)) as connection:
            return connection.execute(statement).fetchall()

    def run(self, *assets: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
        """Run assets, whether they succeed or not."""
        return dg.materialize(list(assets), instance=self.instance, raise_on_error=False)

    def tick(self) -> list[dg.ExecuteInProcessResult]:
        """One tick of the sensor, and the runs that it asks for, as the daemon starts them."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        data = data_quality_alert_sensor.evaluate_tick(context)
        self.cursor = data.cursor
        return [
            defs.resolve_job_def(JOB).execute_in_process(
                instance=self.instance,
                raise_on_error=False,
                tags={**request.tags, "dagster/run_key": str(request.run_key)},
            )
            for request in data.run_requests or []
        ]

    def drop(self, **fields: Any) -> str:
        """Write an alert as a person may; return its name."""
        alert = {"type": "by_hand", "severity": "error", "description": "x", "source": "Ada"}
        return Path(write_alert(str(self.alerts), Alert(**(alert | fields)))).name

    def remediations(self) -> int:
        """Remediation runs so far."""
        return self.instance.get_runs_count(dg.RunsFilter(job_name=JOB))
