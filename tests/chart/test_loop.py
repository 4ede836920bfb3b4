"""Code servers accept edited code only if the values say so, and never in production."""

import pytest

from chart.rendering import RenderError, manifests, objects
from stack.sync.cli import SERVER

DEV = ("stack.dev.sync=true", 'stack.env.DAGSTER_ENV="dev"')


def code_servers(*settings):
    found = [o for o in objects("default", *settings) if o["kind"] == "Deployment"]
    containers = [o["spec"]["template"]["spec"]["containers"][0] for o in found]
    return [c for c in containers if c["name"] == "code-server"]


def test_code_server_takes_no_code_by_default():
    servers = code_servers()
    assert servers
    assert all(c["command"][:3] == ["dagster", "api", "grpc"] for c in servers)


def test_code_server_takes_code_where_it_is_asked_to():
    servers = code_servers(*DEV)
    assert servers
    for container in servers:
        program, *arguments = container["command"]
        assert (program, arguments[:2]) == ("python", ["-m", SERVER])
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (DEV[:1], "DAGSTER_ENV of catalog is prod"),
        ((*DEV, 'codeLocations.quality.env.DAGSTER_ENV="prod"'), "DAGSTER_ENV of quality is prod"),
        ((*DEV, "codeLocations.ingestion.replicas=2"), "codeLocations.ingestion.replicas is 2"),
        (('stack.dev.sync="yes"',), "sync"),
        (("stack.dev.watch=true",), "watch"),
    ],
)
def test_code_is_not_synced_to_production_nor_to_several(settings, says):
    with pytest.raises(RenderError, match=says):
        manifests("default", *settings)
