"""dagster-airbyte's client, extended for long syncs (see the Airbyte server in docs/decisions).

Importing this imports dagster-airbyte, so do it only when a sync runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from logging import Logger
from typing import Any
from urllib.parse import quote

from dagster_airbyte.resources import AirbyteClient
from pydantic import PrivateAttr, SecretStr

from ingestion.airbyte.server.errors import (
    NoAnswerError,
    RefusedError,
    ServerError,
    brief,
    message_of,
)
from ingestion.airbyte.server.jobs import Job, Statistics
from ingestion.settings import AirbyteSettings
from stack import http
from stack.http import Answer, Client
from stack.redaction import remember

# A server under load answers slowly: it asks its own scheduler first.
REQUEST_TIMEOUT_S = 30
# How long ago a job may have begun and still be of interest.
WINDOW = timedelta(days=7)


class ServerClient(AirbyteClient):
    """Requests to one server. Every failure is a ServerError, one line without secrets.

    5xx, 408, 429 and broken connections are retried with growing waits, `request_max_retries`
    times; an expired login is renewed once. Starting a sync is never blindly repeated: without an
    answer it raises NoAnswerError at once, and the caller finds out what happened.
    """

    _logger: Logger = PrivateAttr()

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
        for secret in secrets.values():
            remember(secret)
        with warnings.catch_warnings():  # it is in beta; our lock file pins it, our tests cover it
            warnings.simplefilter("ignore")
            client = cls(
                rest_api_base_url=f"{settings.airbyte_url}/api/public/v1",
                configuration_api_base_url=f"{settings.airbyte_url}/api/v1",
                workspace_id="",  # jobs are found through their connection
                client_id=settings.airbyte_client_id,
                username=settings.airbyte_username,
                request_max_retries=settings.airbyte_request_retries,
                request_retry_delay=min(1.0, settings.airbyte_poll_seconds),
                request_timeout=REQUEST_TIMEOUT_S,
                **secrets,
            )
        client._logger = logger
        return client

    def __repr__(self) -> str:
        return f"ServerClient({self.rest_api_base_url})"

    __str__ = __repr__

    def connection(self, connection_id: str) -> Mapping[str, Any]:
        """The connection: name, streams, status, destination, prefix and namespace."""
        path = f"/connections/{quote(connection_id, safe='')}"
        return self._single_request("GET", f"{self.rest_api_base_url}{path}")

    def recent_jobs(self, connection_id: str) -> list[Job]:
        """Jobs of the connection that began recently or may still run, unordered."""
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
        """Start a sync. Raises NoAnswerError if it may or may not have been started."""
        return Job.parse(self.start_sync_job(connection_id))

    def job(self, job_id: int) -> Job:
        """The state of a job."""
        return Job.parse(self.get_job_details(job_id))

    def hurried(self) -> ServerClient:
        """The same client for a process that is being ended, usually within 30 s."""
        return self.model_copy(update={"request_max_retries": 2, "request_timeout": 5})

    def statistics(self, job_id: int) -> Statistics | None:
        """Counts by stream, and failure reasons; None if the server doesn't provide them."""
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

    def _single_request(
        self,
        method: str,
        url: str,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        include_additional_request_headers: bool = True,
    ) -> Mapping[str, Any]:
        """As dagster-airbyte's, which retries even refusals and hides their reasons."""
        starts_a_job = method == "POST" and url == f"{self.rest_api_base_url}/jobs"
        # The server's tokens may expire sooner than dagster-airbyte assumes.
        for renewed in (False, True):
            if include_additional_request_headers and self.client_id:
                _ = self.authorization_request_headers  # renews an expired token
            token = self._access_token_value if include_additional_request_headers else None
            client = Client(
                SecretStr(token) if token else None,
                self._login,
                timeout_s=self.request_timeout,
                retries=self.request_max_retries,
                first_wait_s=self.request_retry_delay,
                tell=lambda line: self._logger.warning("Airbyte: %s", line),
            )
            try:
                answer = client.send(
                    method, url, repeatable=not starts_a_job, params=params, json=data
                )
            except http.NoAnswerError as error:
                raise NoAnswerError(f"{error}; check AIRBYTE_HOST and AIRBYTE_PORT") from None
            if answer.status != 401 or not token or renewed:
                break
            self._access_token_value = None
        return _object_of(answer)

    @property
    def _login(self) -> tuple[str, SecretStr] | None:
        both = self.username and self.password
        return (str(self.username), SecretStr(str(self.password))) if both else None


def _object_of(answer: Answer) -> Mapping[str, Any]:
    if answer.passes:
        raise NoAnswerError(f"it answered {answer.status} {brief(answer.reason)}".strip())
    if not 200 <= answer.status < 300:
        raise RefusedError(answer.status, message_of(answer))
    body = answer.json()
    if not isinstance(body, dict):
        raise NoAnswerError(
            "it answered with something that's no JSON object; check AIRBYTE_HOST and AIRBYTE_PORT"
        )
    return body
