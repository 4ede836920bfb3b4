"""Keeps what the webserver has loaded of a location equal to what its code server serves now.

Dagster (1.13) reloads a location when the server's id changes. While a pod is replaced, it may have
loaded from the old one over a separate connection and seen only the new one's id; it then keeps the
old definitions and image until it is restarted. Or it has loaded partly from each, and keeps the
error that the new one doesn't know a job of the old one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._core.workspace.workspace import CodeLocationEntry
from dagster._grpc import server_watcher
from dagster._grpc.client import DagsterGrpcClient

logger = logging.getLogger(__name__)

LocationEntry = Callable[[str], CodeLocationEntry | None]
# Shorter than the deadline of the watching thread's own requests.
_TIMEOUT_S = 2


def load_again_what_is_former() -> None:
    """Make each thread that watches a code server compare every ten seconds what is loaded."""
    create = server_watcher.create_grpc_watch_thread

    def create_comparing(
        location_name: str,
        client: DagsterGrpcClient,
        *,
        get_location_entry: LocationEntry,
        refresh_code_location: Callable[[str], None],
        **rest: Any,
    ) -> Any:
        return create(
            location_name,
            client,
            get_location_entry=compared(get_location_entry, refresh_code_location, client),
            refresh_code_location=refresh_code_location,
            **rest,
        )

    server_watcher.create_grpc_watch_thread = create_comparing


def compared(
    entry_of: LocationEntry, load_again: Callable[[str], None], client: DagsterGrpcClient
) -> LocationEntry:
    """`entry_of`, after reloading the location if a different server answers by now.

    A location that failed to load is retried once for each server: it may have mixed two of them.
    """
    tried = ""

    def entry(name: str) -> CodeLocationEntry | None:
        nonlocal tried
        found = entry_of(name)
        location = found.code_location if found else None
        if isinstance(location, GrpcServerCodeLocation):
            known = location.server_id
        elif found and found.load_error:
            known = tried
        else:
            return found
        served = client.get_server_id(timeout=_TIMEOUT_S)
        if known == served:
            return found
        tried = served
        logger.info("location %s is loaded again: its code server may have been replaced", name)
        load_again(name)
        return entry_of(name)

    return entry
