"""A small stack whose runs leave one of each thing that is observed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from stack.alerts import Alert, write_alert
from stack.monitoring import Health, HealthCheck, State
from stack.monitoring.monitor import health_assets, health_check_keys, health_monitor
from stack.peaks import note_peaks
from support.homes import only_home

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
POSTGRES = "storage:\n  postgres:\n    postgres_url: {url}\n"
ROWS = 41
FAILS = "the source has no column `amount`"


@dataclass
class Observed:
    """An instance, its STACK_HOME, and what its next run will find."""

    home: Path
    instance: dg.DagsterInstance
    check_passes: bool = False
    mill: State = State.DOWN

    @classmethod
    @contextmanager
    def opened(cls, home: Path, postgres_url: str = "") -> Iterator[Observed]:
        """Open it on SQLite files in `home`, or on this Postgres."""
        folder = home / "dagster"
        folder.mkdir(parents=True)
        storage = POSTGRES.format(url=postgres_url) if postgres_url else ""
        (folder / "dagster.yaml").write_text(f"telemetry:\n  enabled: false\n{storage}")
        note_peaks()
        with (
            only_home(home, DAGSTER_HOME=str(folder)),
            dg.DagsterInstance.from_config(str(folder)) as instance,
        ):
            yield cls(home, instance)

    def night(self) -> None:
        """A run that loads, one that fails, one that looks; an alert; a file set aside."""
        for name in ("loading", "failing", "looking"):
            self.run(name)
        alert = Alert(type="dbt_test_failure", severity="error", description="2 rows", source="dbt")
        write_alert(str(self.home / "alerts"), alert)
        self.set_aside("a1b2", records=3)

    def run(self, name: str, **tags: str) -> dg.ExecuteInProcessResult:
        """Execute a job: loading, failing or looking."""
        job = self._definitions().resolve_job_def(name)
        return job.execute_in_process(
            instance=self.instance, raise_on_error=False, tags=tags, run_config=QUIET
        )

    def set_aside(self, id_: str, records: int) -> None:
        """Write a note into the quarantine, like the loaders."""
        folder = self.home / "quarantine" / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        note: dict[str, Any] = {
            "id": id_, "loader": "incoming", "kind": "records", "path": "orders.csv",
            "table": "orders", "reason": "not a date", "records": records,
            "place": "elsewhere", "at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        (folder / f"{id_}.json").write_text(json.dumps(note))

    def _definitions(self) -> dg.Definitions:
        @dg.multi_asset(
            specs=[dg.AssetSpec(["raw", "orders"])],
            check_specs=[
                dg.AssetCheckSpec(name, asset=["raw", "orders"]) for name in ("whole", "recent")
            ],
        )
        def orders() -> Iterator[Any]:
            (self.home / "warehouse.duckdb").touch()
            yield dg.MaterializeResult(
                metadata={"dagster/row_count": ROWS, "set_aside": 2, "bytes_read": 900}
            )
            yield dg.AssetCheckResult(check_name="whole", passed=True)
            yield dg.AssetCheckResult(
                check_name="recent", passed=self.check_passes, severity=dg.AssetCheckSeverity.WARN
            )

        @dg.asset
        def broken() -> None:
            try:
                raise KeyError("amount")
            except KeyError as error:
                raise ValueError(FAILS) from error

        health = [HealthCheck("mill", "The mill.", lambda _: Health(self.mill, "as told"))]
        return dg.Definitions(
            assets=[orders, broken, *health_assets(health)],
            asset_checks=[health_monitor("monitor", health, "looking")],
            jobs=[
                dg.define_asset_job("loading", selection=[orders]),
                dg.define_asset_job("failing", selection=[broken]),
                dg.define_asset_job(
                    "looking", selection=dg.AssetSelection.checks(*health_check_keys(health))
                ),
            ],
            executor=dg.in_process_executor,
        )
