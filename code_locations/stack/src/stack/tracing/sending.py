"""Sends spans by OTLP over HTTP, within a time limit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stack.errors import StackError, reason
from stack.settings import StackSettings, TracingSettings, load_settings
from stack.tracing.spans import NAMES, Span, spans_of

if TYPE_CHECKING:
    import dagster as dg
    from opentelemetry.sdk.trace import ReadableSpan

# How long an absent collector may delay the end of a run.
PATIENCE_S = 5.0
SERVICE = "freelancer-data-stack"
_log = logging.getLogger("stack.tracing")


class TracingError(StackError):
    """Spans could not be sent."""


def send_run(instance: dg.DagsterInstance, run_id: str, settings: TracingSettings) -> None:
    """Send the spans of an ended run; an error is one line in the log."""
    failed: list[Exception] = []

    def attempt() -> None:
        try:
            _send(spans_of_run(instance, run_id), settings)
        except Exception as error:  # whatever it is: a run is worth more than its trace
            failed.append(error)

    sending = threading.Thread(target=attempt, daemon=True, name="tracing")
    sending.start()
    sending.join(PATIENCE_S)
    if sending.is_alive() or failed:
        why = reason(failed[0]) if failed else f"no answer within {PATIENCE_S:.0f} s"
        _log.warning("the trace of run %s was not sent: %s", run_id, why)


def spans_of_run(instance: dg.DagsterInstance, run_id: str) -> list[Span]:
    """The spans of a run, from the instance's storage and the run's artifacts."""
    from dagster import DagsterEventType

    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return []
    wanted = {kind for kind in DagsterEventType if kind.value in NAMES}
    return spans_of(record, instance.all_logs(run_id, of_type=wanted), _dbt_results(run_id))


def _dbt_results(run_id: str) -> Iterator[Mapping[str, Any]]:
    from stack.artifacts import ArtifactStore
    from stack.dbt_artifacts import RUN_RESULTS, TEST_RESULTS

    store = ArtifactStore(load_settings(StackSettings).artifacts)
    for name in (RUN_RESULTS, TEST_RESULTS):
        yield from (store.get_json(name, run_id) or {}).get("results", ())


def _send(spans: Sequence[Span], settings: TracingSettings) -> None:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult
        from opentelemetry.util.re import parse_env_headers
    except ModuleNotFoundError as error:
        raise TracingError(
            f"no {error.name} here",
            next_step="install freelancer-stack[tracing], or unset OTEL_EXPORTER_OTLP_ENDPOINT",
        ) from error
    secret = settings.otel_exporter_otlp_headers
    headers = parse_env_headers(secret.get_secret_value(), liberal=True) if secret else {}
    exporter = OTLPSpanExporter(
        endpoint=f"{str(settings.otel_exporter_otlp_endpoint).rstrip('/')}/v1/traces",
        headers=headers,
        timeout=PATIENCE_S - 1,
    )
    try:
        if exporter.export([_as_otel(span) for span in spans]) is not SpanExportResult.SUCCESS:
            raise TracingError(
                f"{settings.otel_exporter_otlp_endpoint}",
                found="no collector that takes it",
                next_step="look whether OTEL_EXPORTER_OTLP_ENDPOINT is one's address for OTLP/HTTP",
            )
    finally:
        exporter.shutdown()  # type: ignore[no-untyped-call]


def _as_otel(span: Span) -> ReadableSpan:
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, SpanContext, TraceFlags
    from opentelemetry.trace.status import Status, StatusCode

    def context(trace: int, number: int) -> SpanContext:
        return SpanContext(trace, number, is_remote=False, trace_flags=TraceFlags(1))

    return ReadableSpan(
        name=span.name,
        context=context(span.trace, span.id),
        parent=context(span.trace, span.parent) if span.parent else None,
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, where they are set.
        resource=Resource({SERVICE_NAME: SERVICE}).merge(OTELResourceDetector().detect()),
        attributes=dict(span.attributes),
        events=[Event(m.name, dict(m.attributes), _nanoseconds(m.at)) for m in span.moments],
        links=[Link(context(*span.follows))] if span.follows else [],
        status=Status(StatusCode.OK)
        if span.error is None
        else Status(StatusCode.ERROR, span.error),
        start_time=_nanoseconds(span.begun),
        end_time=_nanoseconds(span.ended),
    )


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000) * 1000
