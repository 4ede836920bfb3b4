"""An API, a folder of sources, and the warehouse for their data."""

import pytest

from support.http_server import http_server
from support.lists import Lists, Source


@pytest.fixture
def warehouses(request, stack_home, monkeypatch) -> str:
    """The kind of warehouse that a test's parameter names."""
    monkeypatch.setenv("DLT_DESTINATION", request.param)
    return request.param


@pytest.fixture
def source(stack_home, tmp_path) -> Source:
    """A source that is yet to be declared."""
    return Source(tmp_path / "declared")


@pytest.fixture
def api():
    """Lists, and the address where they are served."""
    lists = Lists()
    with http_server(lists) as server:
        yield lists, server.url
