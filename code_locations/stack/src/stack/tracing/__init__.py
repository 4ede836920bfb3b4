"""OpenTelemetry traces of pipelines, where OTEL_EXPORTER_OTLP_ENDPOINT names a collector.

A pipeline is one trace over all of its runs, wherever they execute: its id is the pipeline's id.
The process that ends a run makes the run's spans from its events (`spans`, which needs no tracing
library) and sends them (`sending`) within a bounded time, even if the collector hangs. Nothing is
imported where the variable isn't set.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from stack.errors import StackError
from stack.settings import TracingSettings, load_settings

if TYPE_CHECKING:
    import dagster as dg

_ENDS = {"PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED"}


def trace_end(instance: dg.DagsterInstance, event: dg.EventLogEntry) -> None:
    """Send the spans of a run if this event ends it and there is a collector; never raises."""
    kind = event.dagster_event_type
    if kind is None or kind.value not in _ENDS:
        return
    try:
        settings = load_settings(TracingSettings)
    except StackError as error:  # wrong settings also fail the location's load
        logging.getLogger("stack.tracing").warning("no trace: %s", error)
        return
    if settings.otel_exporter_otlp_endpoint:
        from stack.tracing.sending import send_run

        send_run(instance, event.run_id, settings)
