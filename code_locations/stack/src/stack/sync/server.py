"""The code server of a location whose code is synced: `python -m stack.sync.server --help`.

Like Dagster's proxy (`dagster code-server start`), but it loads a state of the files. If one can't
be loaded, the previous one stays, and the UI shows the reason at the location.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

import click
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import FuturesAwareThreadPoolExecutor
from dagster._grpc.__generated__ import dagster_api_pb2
from dagster._grpc.client import DEFAULT_GRPC_TIMEOUT
from dagster._grpc.proxy_server import DagsterProxyApiServicer
from dagster._grpc.server import DagsterGrpcServer
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.interrupts import setup_interrupt_handlers
from dagster_shared.error import SerializableErrorInfo

from stack.errors import StackError
from stack.settings import StackSettings, load_settings
from stack.sync.hand import SOCKET
from stack.sync.holding import Holding, Place
from stack.sync.receiver import receive
from stack.sync.states import states_of
from stack.sync.store import StateStore

logger = logging.getLogger(__name__)


class SyncedCodeServer(DagsterProxyApiServicer):
    """Answers Dagster from the process whose state `Holding` has."""

    def __init__(self, holding: Holding, terminated: threading.Event) -> None:
        self._holding = holding
        super().__init__(
            loadable_target_origin=LoadableTargetOrigin(module_name=holding.place.module),
            fixed_server_id=None,
            container_image=None,
            container_context=None,
            inject_env_vars_from_instance=False,
            location_name=holding.place.location,
            log_level="info",
            startup_timeout=0,
            server_termination_event=terminated,
            instance_ref=None,
            logger=logger,
            server_heartbeat=False,
            server_heartbeat_timeout=30,
            heartbeat_ttl=30,
            defs_state_info=None,
        )

    def _reload_location(self) -> None:
        """Called once, by the constructor."""
        self._holding.begin()

    def _query(
        self, api_name: str, request: Any, context: Any, timeout: int = DEFAULT_GRPC_TIMEOUT
    ) -> Any:
        self._client = self._holding.client  # type: ignore[assignment]
        return super()._query(api_name, request, context, timeout)

    def _streaming_query(
        self, api_name: str, request: Any, context: Any, timeout: int = DEFAULT_GRPC_TIMEOUT
    ) -> Any:
        self._client = self._holding.client  # type: ignore[assignment]
        return super()._streaming_query(api_name, request, context, timeout)

    def ReloadCode(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 Dagster's names
        """Load the same state again."""
        self._holding.reload()
        return dagster_api_pb2.ReloadCodeReply()

    def GetServerId(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Changes when there is something new to show, so that the webserver notices."""
        found = super().GetServerId(request, context).server_id
        return dagster_api_pb2.GetServerIdReply(server_id=f"{found}-{self._holding.told}")

    def ListRepositories(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The process's answer, plus our versions beside those of Dagster's libraries in the UI."""
        reply = super().ListRepositories(request, context)  # type: ignore[no-untyped-call]
        text = reply.serialized_list_repositories_response_or_error
        found = deserialize_value(text, (ListRepositoriesResponse, SerializableErrorInfo))
        if isinstance(found, SerializableErrorInfo):
            return reply
        facts = {name: getattr(found, name) for name in ListRepositoriesResponse.__annotations__}
        facts["dagster_library_versions"] = {
            **(found.dagster_library_versions or {}), **self._holding.shown
        }  # fmt: skip
        told = serialize_value(ListRepositoriesResponse(**facts))
        return dagster_api_pb2.ListRepositoriesReply(
            serialized_list_repositories_response_or_error=told
        )


def serve(place: Place, host: str, port: int, socket: Path) -> None:
    """Serve until told to end; states arrive at `socket`.

    Raises StackError where DAGSTER_ENV is prod.
    """
    settings = load_settings(StackSettings)
    if settings.dagster_env == "prod":
        raise StackError(
            "code can't be synced", found="DAGSTER_ENV=prod", next_step="set dev, or serve images"
        )
    holding = Holding(place, states_of(settings), StateStore(settings.artifacts, place.location))
    terminated = threading.Event()
    servicer = SyncedCodeServer(holding, terminated)
    server = DagsterGrpcServer(
        server_termination_event=terminated,
        dagster_api_servicer=servicer,
        port=port,
        host=host,
        threadpool_executor=FuturesAwareThreadPoolExecutor(),
        logger=logger,
    )
    try:
        with receive(holding.take, socket):
            server.serve()  # type: ignore[no-untyped-call]
    except KeyboardInterrupt:
        logger.info("interrupted")
    finally:
        holding.end()


@click.command()
@click.option("--module-name", required=True, help="Module of the definitions.")
@click.option("--location-name", required=True, help="Name of the code location.")
@click.option("--host", default="localhost", show_default=True, help="Address to listen at.")
@click.option("--port", type=int, required=True, help="Port to listen at.")
@click.option("--socket", type=Path, default=SOCKET, help="Where states arrive.")
def main(module_name: str, location_name: str, host: str, port: int, socket: Path) -> None:
    """Serve a code location, and what `stack sync` brings.

    Its image and its runs' container context come from the variables that `dagster api grpc` reads.
    """
    setup_interrupt_handlers()
    image = os.environ.get("DAGSTER_CURRENT_IMAGE", "")
    context = json.loads(os.environ.get("DAGSTER_CONTAINER_CONTEXT", "{}"))
    try:
        serve(Place(location_name, module_name, image, context), host, port, socket)
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
