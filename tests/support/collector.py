"""A collector of OpenTelemetry traces: OTLP over HTTP, decoded by OpenTelemetry's own protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.http_server import Request


@dataclass(frozen=True)
class Received:
    """A span; ids are hexadecimal, `parent` is empty for a root, times are in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    begun: int
    ended: int
    error: str
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[tuple[str, str]]
    service: str


def received(requests: Sequence[Request]) -> list[Received]:
    """The spans in these requests, in order."""
    return [span for request in requests for span in _decoded(request)]


def _decoded(request: Request) -> Iterator[Received]:
    assert request.path == "/v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    message = ExportTraceServiceRequest.FromString(request.body)
    for group in message.resource_spans:
        service = _values(group.resource.attributes)["service.name"]
        for span in (span for scope in group.scope_spans for span in scope.spans):
            yield Received(
                name=span.name,
                trace=span.trace_id.hex(),
                id=span.span_id.hex(),
                parent=span.parent_span_id.hex(),
                begun=span.start_time_unix_nano,
                ended=span.end_time_unix_nano,
                error=(span.status.message or "failed") if span.status.code == 2 else "",
                attributes=_values(span.attributes),
                events=[_values(event.attributes) for event in span.events],
                links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                service=service,
            )


def _values(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}
