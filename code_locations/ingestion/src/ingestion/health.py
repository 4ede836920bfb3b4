"""Health of what ingestion pulls from: Airbyte, and GitHub's releases."""

from __future__ import annotations

import dagster as dg

from ingestion.settings import AirbyteSettings, GitHubSettings
from stack.declarations import DeclarationError
from stack.monitoring import Health, HealthCheck, State
from stack.settings import load_settings


def probe_airbyte(_instance: dg.DagsterInstance) -> Health:
    """Health of the backend that the settings choose."""
    settings = load_settings(AirbyteSettings)
    return server_health(settings) if settings.airbyte_connection_id else connector_health(settings)


def server_health(settings: AirbyteSettings, *, timeout_s: float | None = None) -> Health:
    """Whether the Airbyte server answers its health check, which needs no login.

    GET /api/public/v1/health: https://reference.airbyte.com/reference/gethealthcheck
    """
    from stack.http import TIMEOUT_S, Client, NoAnswerError

    server = f"Airbyte at {settings.airbyte_host}:{settings.airbyte_port}"
    url = f"{settings.airbyte_url}/api/public/v1/health"
    try:
        answer = Client(timeout_s=timeout_s or TIMEOUT_S).get(url)
    except NoAnswerError as error:
        return Health(State.DOWN, f"{server}: {error}; check AIRBYTE_HOST and AIRBYTE_PORT")
    if answer.status != 200:
        return Health(
            State.DOWN, f"{server} answered its health check with {answer.status}, expected 200"
        )
    return Health(State.OK, f"{server} answers")


def connector_health(settings: AirbyteSettings) -> Health:
    """Whether the environment of each connection's connector is installed."""
    from ingestion.airbyte.connection import load_connections
    from ingestion.airbyte.environments import ConnectorMissingError, require

    try:
        connections = load_connections(settings.airbyte_connection_file)
    except DeclarationError as error:
        return Health(State.DOWN, str(error))
    missing = []
    for connection in connections:
        try:
            require(connection, settings.connectors)
        except ConnectorMissingError as error:
            missing.append(str(error))
    if missing:
        return Health(State.DOWN, "; ".join(missing))
    packages = ", ".join(dict.fromkeys(c.connector.package for c in connections))
    return Health(State.OK, f"no server is configured; connectors installed: {packages}")


def probe_github(_instance: dg.DagsterInstance) -> Health:
    """Whether GitHub shows the repository whose releases start a pipeline."""
    return github_health(load_settings(GitHubSettings))


def github_health(settings: GitHubSettings) -> Health:
    """As `probe_github`, for these settings. An exhausted rate limit counts as degraded."""
    from ingestion.github.client import GitHub, GitHubError

    repository = settings.github_repo
    if repository is None:
        return Health(State.NOT_CONFIGURED, "GITHUB_REPO is not set")
    if settings.github_token is None:
        return Health(
            State.DEGRADED,
            f"GITHUB_REPO is {repository}, but GITHUB_TOKEN is not set: no release is seen",
        )
    github = GitHub(settings.github_api_url, settings.github_token)
    try:
        github.get(f"{github.api_url}/repos/{repository}")
    except GitHubError as error:
        state = State.DEGRADED if error.retry_at else State.DOWN
        return Health(state, f"{repository}: {error}")
    return Health(State.OK, f"{github.api_url} shows {repository}")


HEALTH = [
    HealthCheck(
        name="airbyte",
        description="The Airbyte server answers; without one, the connectors are installed.",
        probe=probe_airbyte,
        kinds=frozenset({"airbyte"}),
    ),
    HealthCheck(
        name="github",
        description="GitHub's API shows the repository whose releases start a pipeline.",
        probe=probe_github,
        kinds=frozenset({"github"}),
    ),
]
