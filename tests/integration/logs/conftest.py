"""A pipeline over two code locations whose processes log JSON and send traces."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest

from stack.pipelines import INCREMENTAL_SYNC
from stack.tags import STAGE_TAG
from support.collector import Received, received
from support.daemon import daemon, stack_of_locations, wait_for
from support.http_server import Reply, Request, http_server
from support.stack_process import StackProcess
from support.webserver import webserver

SECRET = "canary-7d1f"
# It says something in each way that there is.
INGESTION = f"""
import logging, sys, warnings
import dagster as dg
import stack.options
from stack.locations import Location, location_definitions
from stack.pipelines import Stage

@dg.asset
def talks(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    print("printed with {SECRET}")
    sys.stderr.write("two\\nlines\\n")
    logging.getLogger("some.library").warning("said by a library: {SECRET}")
    warnings.warn("something is old")
    context.log.info("from the asset")
    return dg.MaterializeResult(metadata={{"rows": 3}})

defs = location_definitions(Location(stage=Stage.INGESTION, settings=[], assets=[talks]))
"""
TRANSFORMATION = f"""
import dagster as dg
import stack.options
from stack.locations import Location, location_definitions
from stack.pipelines import Stage

@dg.asset
def breaks() -> None:
    raise ValueError("no, says {SECRET}")

defs = location_definitions(Location(stage=Stage.TRANSFORMATION, settings=[], assets=[breaks]))
"""


@dataclass
class Night:
    """The runs of its two stages, the processes' logs in `stack.home`, what the collector got."""

    stack: StackProcess
    instance: dg.DagsterInstance
    runs: dict[str, dg.DagsterRun]
    requests: list[Request]

    @property
    def spans(self) -> list[Received]:
        return received(self.requests)


@pytest.fixture(scope="session")
def night(tmp_path_factory) -> Iterator[Night]:
    home = tmp_path_factory.mktemp("logs")
    with http_server(lambda _: Reply(200, b"")) as collector:
        stack = stack_of_locations(
            home / "stack",
            {"ingestion": INGESTION, "transformation": TRANSFORMATION},
            {
                "LOG_FORMAT": "json",
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={SECRET}",
            },
        )
        with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:

            def runs() -> dict[str, dg.DagsterRun]:
                return {run.tags[STAGE_TAG]: run for run in instance.get_runs()}

            # One after the other: of two that make Dagster's tables at once, one may fail.
            with webserver(stack) as ui, daemon(stack):
                ui.launch("ingestion", INCREMENTAL_SYNC.name)
                wait_for(
                    lambda: len(runs()) == 2 and all(run.is_finished for run in runs().values()),
                    stack,
                )
                wait_for(lambda: len(collector.requests) == 2, stack)
            yield Night(stack, instance, runs(), [*collector.requests])
