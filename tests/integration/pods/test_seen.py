"""A webserver that loaded code from a pod being replaced gets the new pod's code."""

from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._grpc.client import DagsterGrpcClient

from pods.seen import compared
from support.code_server import code_server
from support.servers import free_port


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_location_is_loaded_again_when_another_server_answers_and_once_if_it_could_not_be(
    instance, tmp_path
):
    port, loaded, again, tried = free_port(), [], list[str](), list[str]()
    client = DagsterGrpcClient(port=port, host="127.0.0.1")
    failed = SimpleNamespace(code_location=None, load_error="Could not find job 'daily'")
    broken = compared(lambda _: failed, tried.append, client)

    def try_thrice() -> None:
        for _ in range(3):
            assert broken("daily") is failed

    def load(name: str = "") -> None:
        loaded.append(GrpcServerCodeLocation(origin, instance))
        again.append(name)

    entry = compared(lambda _: SimpleNamespace(code_location=loaded[-1]), load, client)
    with code_server(tmp_path, port, "acme/daily:1", "100m") as origin:
        load()
        assert entry("daily").code_location.container_image == "acme/daily:1"
        assert again == [""]
        try_thrice()
        assert len(tried) == 1
    with code_server(tmp_path, port, "acme/daily:2", "100m") as origin:
        assert entry("daily").code_location.container_image == "acme/daily:2"
        assert again == ["", "daily"]
        entry("daily")
        assert again == ["", "daily"]
        try_thrice()
        assert len(tried) == 2
    for location in loaded:
        location.cleanup()
