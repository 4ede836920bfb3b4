"""dagster-airbyte's client with what a long sync needs (docs/decisions: the Airbyte server).

Importing this imports requests and dagster-airbyte: only when a sync runs.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from logging import Logger
from typing import Any
from urllib.parse import quote

import requests
from dagster_airbyte.resources import AirbyteClient
from pydantic import PrivateAttr
from requests.auth import AuthBase

from ingestion.airbyte.server.errors import (
    NoAnswerError,
    RefusedError,
    ServerError,
    message_of,
    one_line,
)
from ingestion.airbyte.server.jobs import Job, Statistics
from ingestion.settings import AirbyteSettings
from stack.redaction import MASK, Redactor

# A server under load takes long to answer: it asks its own scheduler first.
REQUEST_TIMEOUT_S = 30
LONGEST_WAIT_S = 30.0
RETRIED = frozenset({408, 429})
# How far back a job may have begun that is still of interest.
WINDOW = timedelta(days=7)


class _Bearer(AuthBase):
    """As auth and not as a header, or requests would prefer what a .netrc says."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class ServerClient(AirbyteClient):
    """Requests to one server. Every failure is a ServerError in one line without secrets.

    5xx, 408, 429 and broken connections are retried with growing waits, `request_max_retries`
    times; a login that ran out is renewed once. Starting a sync is never repeated blindly:
    without an answer it raises NoAnswerError at once, and the caller looks what became of it.
    """

    _logger: Logger = PrivateAttr()
    _redact: Redactor = PrivateAttr()

    @classmethod
    def of(cls, settings: AirbyteSettings, logger: Logger) -> ServerClient:
        """A client of the server that the settings name."""
        secrets: dict[str, Any] = {
            name: value.get_secret_value()
            for name, value in (
                ("client_secret", settings.airbyte_client_secret),
                ("password", settings.airbyte_password),
            )
            if value is not None
        }
        with warnings.catch_warnings():  # it is beta; the lock file and our tests hold it
            warnings.simplefilter("ignore")
            client = cls(
                rest_api_base_url=f"{settings.airbyte_url}/api/public/v1",
                configuration_api_base_url=f"{settings.airbyte_url}/api/v1",
                workspace_id="",  # jobs are found by their connection
                client_id=settings.airbyte_client_id,
                username=settings.airbyte_username,
                request_max_retries=settings.airbyte_request_retries,
                request_retry_delay=min(1.0, settings.airbyte_poll_seconds),
                request_timeout=REQUEST_TIMEOUT_S,
                **secrets,
            )
        client._logger = logger
        client._redact = Redactor(secrets.values())
        return client

    def __repr__(self) -> str:
        return f"ServerClient({self.rest_api_base_url})"

    __str__ = __repr__

    def redact(self, text: str) -> str:
        """`text` on one line without credentials."""
        token = self._access_token_value
        return one_line(self._redact(text.replace(token, MASK) if token else text))

    def connection(self, connection_id: str) -> Mapping[str, Any]:
        """The connection: name, streams, status, destination, prefix and namespace."""
        path = f"/connections/{quote(connection_id, safe='')}"
        return self._single_request("GET", f"{self.rest_api_base_url}{path}")

    def recent_jobs(self, connection_id: str) -> list[Job]:
        """Jobs of the connection that began lately or may still run, in no order."""
        since = datetime.now(UTC) - WINDOW
        found = self._paginated_request(
            method="GET",
            url=f"{self.rest_api_base_url}/jobs",
            params={
                "connectionId": connection_id,
                "createdAtStart": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            },
        )
        return [Job.parse(item) for item in found]

    def start(self, connection_id: str) -> Job:
        """Start a sync. NoAnswerError: it may have been started nevertheless."""
        return Job.parse(self.start_sync_job(connection_id))

    def job(self, job_id: int) -> Job:
        """State of a job."""
        return Job.parse(self.get_job_details(job_id))

    def hurried(self) -> ServerClient:
        """The same client for a process that is being ended, and has 30 s as a rule."""
        return self.model_copy(update={"request_max_retries": 2, "request_timeout": 5})

    def statistics(self, job_id: int) -> Statistics | None:
        """Counts by stream and failure reasons; None where the server doesn't tell."""
        url = f"{self.configuration_api_base_url}/jobs/get_without_logs"
        try:
            return Statistics.parse(self._single_request("POST", url, data={"id": job_id}))
        except ServerError as error:
            self._logger.info("Airbyte job %s: counts by stream not known: %s", job_id, error)
            return None

    def _refresh_access_token(self) -> None:
        try:
            super()._refresh_access_token()
        except KeyError:
            raise NoAnswerError("it gave no access token for AIRBYTE_CLIENT_ID") from None

    def _get_session(self, include_additional_request_headers: bool) -> requests.Session:
        session = super()._get_session(include_additional_request_headers)
        header = session.headers.pop("Authorization", None)
        if header:
            session.auth = _Bearer(str(header))
        return session

    def _single_request(
        self,
        method: str,
        url: str,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        include_additional_request_headers: bool = True,
    ) -> Mapping[str, Any]:
        """As dagster-airbyte's, which retries refusals too, and hides their reason."""
        starts_a_job = method == "POST" and url == f"{self.rest_api_base_url}/jobs"
        renewed = False
        retries = 0
        while True:
            wait = min(self.request_retry_delay * 2**retries, LONGEST_WAIT_S)
            try:
                with self._get_session(include_additional_request_headers) as session:
                    response = session.request(
                        method, url, json=data, params=params, timeout=self.request_timeout
                    )
                failure, may_repeat = self._judge(response), not starts_a_job
                if failure is None:
                    return _object_of(response)
                if isinstance(failure, RefusedError):
                    if failure.status == 401 and self._access_token_value and not renewed:
                        # The server's tokens may live shorter than dagster-airbyte assumes.
                        self._access_token_value, renewed = None, True
                        continue
                    raise failure
                if response.status_code == 429:  # refused for now, so nothing was started
                    may_repeat, wait = True, max(wait, _retry_after(response))
            except requests.RequestException as error:
                failure, may_repeat = NoAnswerError(_what_broke(error)), not starts_a_job
            if not may_repeat or retries >= self.request_max_retries:
                raise failure
            self._logger.warning("Airbyte: %s; asking again in %.1f s", failure, wait)
            retries += 1
            time.sleep(wait)

    def _judge(self, response: requests.Response) -> ServerError | None:
        """None where the server did what was asked."""
        status = response.status_code
        if status in RETRIED or status >= 500:
            return NoAnswerError(f"it answered {status} {one_line(response.reason or '')}".strip())
        if 200 <= status < 300:
            return None
        return RefusedError(status, self.redact(message_of(response)))


def _object_of(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise NoAnswerError(
            "it answered with something that's no JSON object; check AIRBYTE_HOST and AIRBYTE_PORT"
        )
    return body


def _what_broke(error: requests.RequestException) -> str:
    """In words of ours: requests' own texts may hold a URL with credentials."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {REQUEST_TIMEOUT_S} s"
    if isinstance(error, requests.ConnectionError):
        return "can't be reached, or broke off; check AIRBYTE_HOST and AIRBYTE_PORT"
    return f"the request failed ({type(error).__name__})"


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), 2 * LONGEST_WAIT_S) if text.isascii() and text.isdigit() else 0.0
