"""Messages of the Airbyte protocol, one JSON object per line.

Source: https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

PREFIX = (b'{"type":', b'{"type" :')


def _plain(text: str) -> float | Decimal:
    """A float if that prints as the same text, else a decimal."""
    number, exact = float(text), Decimal(text)
    return number if Decimal(repr(number)) == exact else exact


# More digits than a double holds, in a number or in text.
_LONG_NUMERAL = re.compile(rb"\d[\d.]{15}")
_EXACT = json.JSONDecoder(parse_float=_plain)


class MalformedMessageError(ValueError):
    """A line that is meant as a message but is incomplete or invalid."""


class NotAMessageError(ValueError):
    """A line that isn't meant as a message, such as a library's print."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a stream; `size` is the length of its line in bytes.

    `problem` says why `data` isn't an object with named values, if it isn't.
    """

    stream: str
    data: Any
    size: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A checkpoint: everything before it was emitted. `body` is returned to the connector as is.

    `records` is the connector's count since the previous checkpoint; None if it doesn't count.
    """

    kind: str  # STREAM, GLOBAL or LEGACY
    body: dict[str, Any]
    records: int | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the log; `level` is FATAL, ERROR, WARN, INFO, DEBUG or TRACE."""

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """TRACE ERROR: a message for the user, and one for developers."""

    message: str
    internal_message: str | None
    failure_type: str | None
    stream: str | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """TRACE ESTIMATE: the expected rows of a stream (None: of the whole sync)."""

    stream: str | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """TRACE STREAM_STATUS: STARTED, RUNNING, COMPLETE or INCOMPLETE."""

    stream: str
    status: str


@dataclass(frozen=True, slots=True)
class Spec:
    """The connector's configuration schema, as JSON Schema."""

    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """Whether the source can be reached with this configuration."""

    succeeded: bool
    message: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """The streams that the source has, as AirbyteStream objects."""

    streams: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Other:
    """A message that needs no action, such as CONTROL or a type from a later protocol."""

    kind: str


Message = (
    Record | State | Log | Failure | Estimate | StreamStatus | Spec | ConnectionStatus | Catalog
    | Other
)  # fmt: skip


def parse(line: bytes) -> Message:
    """The message in a line. Raises NotAMessageError or MalformedMessageError."""
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError:
        content = _loads_leniently(line)
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise NotAMessageError
    kind = content["type"]
    try:
        if kind == "RECORD":
            if _LONG_NUMERAL.search(line):
                content = _EXACT.decode(line.decode(errors="surrogatepass"))
            body = content["record"]
            data = body["data"]
            problem = "" if isinstance(data, dict) else "its data is no object with named values"
            return Record(str(body["stream"]), data, len(line), problem)
        return _parse_other(kind, content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        missing = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise MalformedMessageError(f"{kind} message with {missing}") from None


def _loads_leniently(line: bytes) -> Any:
    """Parse what orjson refuses but Python writes: NaN, huge integers, lone surrogates."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        if line.lstrip().startswith(PREFIX):
            raise MalformedMessageError(
                f"message cut off or broken after {len(line):,} bytes"
            ) from None
        raise NotAMessageError from None


def _parse_other(kind: str, content: dict[str, Any]) -> Message:  # noqa: PLR0911 - a case each
    match kind:
        case "STATE":
            body = {k: v for k, v in content["state"].items() if not k.endswith("Stats")}
            counted = (content["state"].get("sourceStats") or {}).get("recordCount")
            records = int(counted) if isinstance(counted, int | float) else None
            return State(body.get("type") or "LEGACY", body, records)
        case "LOG":
            return Log(str(content["log"]["level"]), str(content["log"]["message"]))
        case "TRACE":
            return _parse_trace(content["trace"])
        case "SPEC":
            return Spec(dict(content["spec"]["connectionSpecification"]))
        case "CONNECTION_STATUS":
            status = content["connectionStatus"]
            return ConnectionStatus(status["status"] == "SUCCEEDED", str(status.get("message", "")))
        case "CATALOG":
            return Catalog(tuple(dict(stream) for stream in content["catalog"]["streams"]))
        case _:
            return Other(kind)


def _parse_trace(trace: dict[str, Any]) -> Message:
    match trace["type"]:
        case "ERROR":
            error = trace["error"]
            descriptor = error.get("stream_descriptor") or {}
            return Failure(
                str(error["message"]),
                error.get("internal_message"),
                error.get("failure_type"),
                descriptor.get("name"),
            )
        case "ESTIMATE":
            estimate = trace["estimate"]
            rows = estimate.get("row_estimate")
            stream = estimate.get("name") if estimate.get("type") == "STREAM" else None
            return Estimate(stream, None if rows is None else int(rows))
        case "STREAM_STATUS":
            status = trace["stream_status"]
            return StreamStatus(status["stream_descriptor"]["name"], str(status["status"]))
        case other:
            return Other(f"TRACE {other}")
