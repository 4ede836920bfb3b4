"""Where proposals go: a file for `datahub ingest`, or DataHub's metadata service (GMS).

Endpoints, as the library's client uses them: GET /config,
GET /aspects/<URN>?aspect=<name>&version=0, and POST /aspects?action=ingestProposalBatch (answered
when stored, not when queued).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import SecretStr

from stack.artifacts import write_atomically
from stack.errors import StackError
from stack.storage import filesystem

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal
    from datahub.emitter.rest_emitter import DataHubRestEmitter

Json = dict[str, Any]
log = logging.getLogger(__name__)
BATCH = 100
TIMEOUT_S = 30
# The client waits 0, 4 and 8 s before the first three retries of 429, 500, 502, 503, 504 and of
# refused connections.
RETRIES = 3
_DENIED = (401, 403)


def write_file(url: str, records: Sequence[Json]) -> str:
    """Replace the JSON file at a path or fsspec URL; a reader sees the old one or the new one."""
    fs, path = filesystem(url)
    write_atomically(fs, path, (json.dumps(list(records), indent=2) + "\n").encode())
    return url


class EmitError(StackError):
    """DataHub couldn't be reached, or refused a proposal."""


def emit(
    url: str,
    token: SecretStr | None,
    proposals: Sequence[Proposal],
    *,
    total: int | None = None,
    on_progress: Callable[[int], None] = lambda _sent: None,
) -> None:
    """Send every proposal, in order; they are the first of `total`, by default all.

    A batch that fails after its retries is sent again one by one, so that the error can name the
    proposal that failed. All are upserts: sending them again in the next run does no harm.

    Raises EmitError naming URN, aspect, HTTP status and the next step.
    """
    with _client(url, token, RETRIES) as client, _client(url, token, 0) as once:
        for start in range(0, len(proposals), BATCH):
            batch = proposals[start : start + BATCH]
            failure = _send(client, batch)
            if failure is not None:
                log.warning(
                    "%s answered %s to proposals %d to %d; sending them one by one",
                    url,
                    failure,
                    start + 1,
                    start + len(batch),
                )
                _send_singly(once, url, batch, start, total or len(proposals))
            on_progress(start + len(batch))


def property_of(url: str, token: SecretStr | None, urn: str, name: str) -> str | None:
    """A custom property of a data job on the server; None if it is missing or unreadable."""
    from stack.http import Client, NoAnswerError

    asked = {"aspect": "dataJobInfo", "version": "0"}
    client = Client(token, timeout_s=TIMEOUT_S, retries=RETRIES)
    try:
        answer = client.send(
            "GET", f"{url.rstrip('/')}/aspects/{quote(urn, safe='')}", params=asked
        )
    except NoAnswerError:
        return None
    content = answer.json() if answer.status == 200 else None
    aspect = content.get("aspect") if isinstance(content, dict) else None
    info = next(iter(aspect.values()), None) if isinstance(aspect, dict) else None
    properties = info.get("customProperties") if isinstance(info, dict) else None
    value = properties.get(name) if isinstance(properties, dict) else None
    return value if isinstance(value, str) else None


class _Failure:
    """A failed request: HTTP status (None: no answer) and what the server said."""

    def __init__(self, error: BaseException) -> None:
        response = getattr(error.__cause__, "response", None)
        self.status: int | None = None if response is None else int(response.status_code)
        info = getattr(error, "info", None) or {}
        self.reason = str(info.get("message") or error).splitlines()[0][:300]

    def __str__(self) -> str:
        return "nothing" if self.status is None else f"HTTP {self.status}"


def _client(url: str, token: SecretStr | None, retries: int) -> DataHubRestEmitter:
    from datahub.emitter.rest_emitter import DataHubRestEmitter

    return DataHubRestEmitter(
        gms_server=url,
        token=token.get_secret_value() if token else None,
        timeout_sec=TIMEOUT_S,
        retry_max_times=retries,
        # One request for a batch of different entities; OpenAPI needs one per type.
        openapi_ingestion=False,
    )


def check_server(url: str, token: SecretStr | None) -> None:
    """Make sure that it is DataHub before anything is sent. Raises EmitError naming it."""
    from datahub.configuration.common import ConfigurationError
    from requests.exceptions import RequestException

    try:
        with _client(url, token, RETRIES) as client:
            client.test_connection()
    except (ConfigurationError, RequestException, ValueError) as error:
        raise EmitError(
            f"DATAHUB_GMS_URL {url} does not answer as a DataHub metadata service "
            f"({str(error).splitlines()[0][:300]}); nothing was written. Correct it or start "
            "the service and run datahub_metadata_ingestion again, or unset it to write a file"
        ) from None


def _send(client: DataHubRestEmitter, batch: Sequence[Proposal]) -> _Failure | None:
    from datahub.configuration.common import OperationalError
    from datahub.emitter.emit_mode import EmitMode

    try:
        client.emit_mcps(batch, emit_mode=EmitMode.SYNC_PRIMARY)
    except OperationalError as error:
        return _Failure(error)
    return None


def _send_singly(
    client: DataHubRestEmitter, url: str, batch: Sequence[Proposal], start: int, total: int
) -> None:
    for offset, proposal in enumerate(batch):
        failure = _send(client, [proposal])
        if failure is None:
            continue
        raise EmitError(
            f"DataHub at {url} answered {failure} to {proposal.entityUrn}, aspect "
            f"{proposal.aspectName}: {failure.reason}. {start + offset} of {total} proposals are "
            f"stored; {_next_step(failure.status)}, then run datahub_metadata_ingestion again: "
            "it sends all of them and repeats are harmless"
        )


def _next_step(status: int | None) -> str:
    if status in _DENIED:
        return "set DATAHUB_GMS_TOKEN to a token that may edit metadata"
    if status is None or status >= 500:
        return "look at the server's log and wait until it is healthy"
    return "the server may be older than acryl-datahub's model of it: upgrade it"
