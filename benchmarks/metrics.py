"""What a scrape of /metrics costs with many runs, on SQLite and on Postgres.

    python -m benchmarks.metrics [RUNS]

A location with some tables and checks runs once; its run, events, checks and a schedule's ticks are
then copied RUNS times in the database, spread over a month. A scrape is a look without any cache,
and the text for Prometheus.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
from prometheus_client import CollectorRegistry, generate_latest

from benchmarks.report import print_table
from observability.facts.looking import Watch
from observability.metrics.collector import StackCollector
from observability.metrics.kept import Counter
from stack.pipelines import DAILY, MONITORING
from stack.run_storage import runs_of
from tests.support.homes import only_home
from tests.support.servers import postgres

RUNS = 100_000
TABLES, CHECKS = 40, 300
SCRAPES = 25
MONTH_S = 30 * 86_400
BUDGET_MS = 100
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
POSTGRES = """
storage:
  postgres:
    postgres_url: {url}
"""


def _job(name: str) -> Any:
    """A run with TABLES tables, CHECKS checks and an observation."""

    @dg.multi_asset(
        specs=[dg.AssetSpec(["marts", f"table_{n}"]) for n in range(TABLES)],
        check_specs=[
            dg.AssetCheckSpec(f"check_{n}", asset=["marts", f"table_{n % TABLES}"])
            for n in range(CHECKS)
        ],
    )
    def made() -> Iterator[Any]:
        for n in range(TABLES):
            yield dg.MaterializeResult(
                asset_key=["marts", f"table_{n}"],
                metadata={"dagster/row_count": n, "sample": dg.MetadataValue.md("| a |\n" * 500)},
            )
        yield dg.AssetObservation(["health", "warehouse"], metadata={"state": "ok"})
        for n in range(CHECKS):
            key = ["marts", f"table_{n % TABLES}"]
            yield dg.AssetCheckResult(asset_key=key, check_name=f"check_{n}", passed=n % 50 > 0)

    job = dg.define_asset_job(name, executor_def=dg.in_process_executor)
    return dg.Definitions(assets=[made], jobs=[job]).resolve_job_def(name)


def _copies(dialect: str, runs: int) -> tuple[str, str, str]:
    """A series of numbers, the n-th run's id, and its time, in this SQL dialect."""
    if dialect == "postgresql":
        return (
            f"generate_series(1, {runs}) as s(n)",
            "'00000000-0000-4000-8000-' || lpad(n::text, 12, '0')",
            f"now() at time zone 'utc' - n * interval '1 second' * {MONTH_S / runs}",
        )
    return (
        f"(with recursive s(n) as (select 1 union all select n + 1 from s where n < {runs}) "
        "select n from s)",
        "'00000000-0000-4000-8000-' || printf('%012d', n)",
        f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || (n * {MONTH_S / runs}) || ' seconds')",
    )


def fill(instance: dg.DagsterInstance, runs: int) -> None:
    """Make the history."""
    import sqlalchemy as sa

    ids = [
        _job(name).execute_in_process(instance=instance, run_config=QUIET).run_id
        for name in (DAILY.name, MONITORING.name)
    ]
    storage: Any = instance.run_storage
    with storage.connect() as connection:
        series, id_, at = _copies(connection.dialect.name, runs)
        seconds = "extract(epoch from now())" if "generate" in series else "strftime('%s', 'now')"
        ended = f"{seconds} - n * {MONTH_S / runs}"
        connection.execute(
            sa.text(
                "insert into runs (run_id, pipeline_name, status, run_body, create_timestamp, "
                f"update_timestamp, start_time, end_time) select {id_}, pipeline_name, status, "
                f"replace(run_body, run_id, {id_}), {at}, {at}, {ended} - 5, {ended} "
                f"from runs, {series} where run_id = '{ids[1]}'"
            )
        )
        connection.execute(
            sa.text(
                "insert into run_tags (run_id, key, value) select "
                f"{id_}, k.key, k.value from {series}, (select 'stage' as key, 'quality' as value "
                "union all select 'dagster/code_location', 'quality') as k"
            )
        )
        _commit(connection)
    events: Any = instance.event_log_storage
    with events.index_connection() as connection:
        observed = "dagster_event_type = 'ASSET_OBSERVATION'"
        connection.execute(
            sa.text(
                "insert into event_logs (run_id, event, dagster_event_type, timestamp, asset_key) "
                f"select {id_}, event, dagster_event_type, {at}, asset_key from event_logs, "
                f"{series} where {observed} and run_id = '{ids[1]}'"
            )
        )
        connection.execute(
            sa.text(
                "insert into asset_check_executions (asset_key, check_name, run_id, "
                "execution_status, evaluation_event, evaluation_event_timestamp, "
                f"evaluation_event_storage_id) select asset_key, check_name, {id_}, "
                f"execution_status, evaluation_event, {at}, evaluation_event_storage_id "
                f"from asset_check_executions, {series} where run_id = '{ids[1]}' "
                "and check_name = 'check_1'"
            )
        )
        _commit(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("analyze"))


def _commit(connection: Any) -> None:
    if connection.in_transaction():
        connection.commit()


def measure(instance: dg.DagsterInstance) -> tuple[str, ...]:
    """Milliseconds of the first scrape, of later ones, their CPU, and counting; kB of the text."""
    watch, counter = Watch(instance), Counter(instance)
    registry = CollectorRegistry()
    with mock.patch("observability.metrics.collector.FRESH_S", 0.0):
        began = time.perf_counter()
        counter.count()
        counting = time.perf_counter() - began
        registry.register(StackCollector(watch, counter))
        began = time.perf_counter()
        generate_latest(registry)
        first = time.perf_counter() - began
        times, cpu = [], _cpu() + _server_cpu(instance)
        for _ in range(SCRAPES):
            began = time.perf_counter()
            text = generate_latest(registry)
            times.append(time.perf_counter() - began)
        cpu = (_cpu() + _server_cpu(instance) - cpu) / SCRAPES
    slowest = sorted(watch.looked.items(), key=lambda part: -part[1].seconds)[:3]
    return (
        f"{first * 1e3:.0f}",
        f"{statistics.median(times) * 1e3:.0f}",
        f"{min(times) * 1e3:.0f}",
        f"{cpu * 1e3:.0f}",
        f"{counting * 1e3:.0f}",
        f"{len(text) / 1e3:.0f}",
        ", ".join(f"{name} {found.seconds * 1e3:.0f}" for name, found in slowest),
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _server_cpu(instance: dg.DagsterInstance) -> float:
    """CPU seconds of the Postgres process behind the kept connection; 0 for SQLite."""
    import sqlalchemy as sa

    with runs_of(instance) as connection:
        if connection.dialect.name != "postgresql":
            return 0.0
        pid = connection.execute(sa.text("select pg_backend_pid()")).scalar()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _instance(folder: Path, config: str) -> Iterator[dg.DagsterInstance]:
    folder.mkdir()
    (folder / "dagster.yaml").write_text(f"telemetry:\n  enabled: false\n{config}")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def main() -> None:
    """Print the table; exit with 1 if a scrape's CPU time on both sides exceeds the budget."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    rows = []
    with tempfile.TemporaryDirectory(prefix="stack-metrics-") as folder, only_home(Path(folder)):
        home = Path(folder)
        with _instance(home / "sqlite", "") as instance:
            fill(instance, runs)
            rows.append(("SQLite", *measure(instance)))
        with postgres() as url, _instance(home / "pg", POSTGRES.format(url=url)) as instance:
            fill(instance, runs)
            rows.append(("Postgres", *measure(instance)))
    print(f"\n{runs:,} runs, {TABLES} tables, {CHECKS} checks; milliseconds")
    header = ("store", "first", "scrape", "fastest", "CPU", "count", "kB", "of it")
    print_table(header, rows)
    raise SystemExit(any(int(row[4]) > BUDGET_MS for row in rows))


if __name__ == "__main__":
    main()
