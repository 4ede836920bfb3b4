"""Health of where metadata goes: a DataHub server or a file."""

from __future__ import annotations

import dagster as dg

from catalog.settings import DataHubSettings
from stack.monitoring import Health, HealthCheck, State
from stack.settings import StackSettings, load_settings
from stack.storage import filesystem

_DENIED = (401, 403)


def probe_datahub(_instance: dg.DagsterInstance) -> Health:
    """Health of the sink that the settings choose."""
    settings = load_settings(DataHubSettings)
    if settings.datahub_gms_url is None:
        return file_health(settings.metadata_file(load_settings(StackSettings)))
    return server_health(settings)


def server_health(settings: DataHubSettings, *, timeout_s: float | None = None) -> Health:
    """Whether DataHub's metadata service answers and accepts the token.

    GET /config identifies it (`noCode`) without a login; POST /api/graphql with `me` asks for the
    token's user. Only a refusal of the second counts: other answers depend on the server's
    version.
    """
    from stack.http import TIMEOUT_S, Client, NoAnswerError, shown

    url = str(settings.datahub_gms_url).rstrip("/")
    token = settings.datahub_gms_token
    server = f"DataHub at {shown(url)}"
    client = Client(token, timeout_s=timeout_s or TIMEOUT_S)
    try:
        config = client.get(f"{url}/config")
        if config.status in _DENIED:
            return _denied(server, config.status)
        if config.status != 200:
            return Health(
                State.DOWN, f"{server} answered GET /config with {config.status}, expected 200"
            )
        content = config.json()
        if not isinstance(content, dict) or content.get("noCode") != "true":
            return Health(
                State.DOWN,
                f"{server} does not answer as a metadata service; DATAHUB_GMS_URL must name GMS "
                "(port 8080 as a rule), not the web interface",
            )
        if token is not None:
            query = {"query": "{ me { corpUser { urn } } }"}
            user = client.send("POST", f"{url}/api/graphql", json=query)
            if user.status in _DENIED:
                return _denied(server, user.status)
    except NoAnswerError as error:
        return Health(State.DOWN, f"{server}: {error}; check DATAHUB_GMS_URL")
    return Health(State.OK, f"{server} answers")


def file_health(url: str) -> Health:
    """Whether the metadata file's folder is writable, tested by writing a file."""
    import uuid

    from stack.artifacts import write_atomically

    fs, path = filesystem(url)
    folder = path.rsplit("/", 1)[0]
    trial = f"{folder}/.health-{uuid.uuid4().hex}"
    try:
        write_atomically(fs, trial, b"")
        fs.rm(trial)
    except Exception as error:  # whatever this URL's file system raises
        return Health(
            State.DOWN,
            f"no DataHub server is configured, and {folder} can't be written "
            f"({type(error).__name__}); check DATAHUB_FILE",
        )
    return Health(State.OK, f"no DataHub server is configured; metadata goes to {path}")


def _denied(server: str, status: int) -> Health:
    return Health(
        State.DOWN,
        f"{server} refuses the token ({status}); set DATAHUB_GMS_TOKEN to one that is valid and "
        "may edit metadata",
    )


HEALTH = [
    HealthCheck(
        name="datahub",
        description="DataHub answers and takes the token; without a server, the file's folder "
        "can be written.",
        probe=probe_datahub,
        kinds=frozenset({"datahub"}),
    )
]
