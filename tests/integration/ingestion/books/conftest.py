"""A separate folder of exports, and a separate warehouse."""

import pytest

from support.books import Exports


@pytest.fixture(params=["duckdb", "ducklake"])
def exports(request, stack_home, monkeypatch) -> Exports:
    """Exports for each destination."""
    monkeypatch.setenv("DLT_DESTINATION", request.param)
    return Exports(stack_home)


@pytest.fixture
def exports_in_a_file(stack_home) -> Exports:
    """Exports for a DuckDB file, where the destination makes no difference."""
    return Exports(stack_home)
