"""Real stores behind cables."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from stack.settings import WarehouseSettings
from support.cable import Cable, cable_to


@pytest.fixture
def postgres_cable(database_url) -> Iterator[Cable]:
    """The way to Postgres."""
    with cable_to(urlsplit(database_url).port) as cable:
        yield cable


@pytest.fixture
def s3_cable(s3) -> Iterator[Cable]:
    """The way to S3."""
    with cable_to(urlsplit(s3.endpoint).port) as cable:
        yield cable


@pytest.fixture
def postgres_by_cable(database_url, postgres_cable) -> str:
    """URL of the test's database."""
    port = urlsplit(database_url).port
    return database_url.replace(f":{port}/", f":{postgres_cable.port}/")


@pytest.fixture
def s3_by_cable(stack_home, s3, s3_cable, monkeypatch) -> str:
    """URL of a folder in the bucket."""
    port = urlsplit(s3.endpoint).port
    endpoint = s3.endpoint.replace(f":{port}", f":{s3_cable.port}")
    for name, value in (s3.environment() | {"AWS_ENDPOINT_URL": endpoint}).items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.bucket}/{stack_home.parent.name}"


@pytest.fixture
def lake(stack_home, postgres_by_cable, s3_by_cable) -> WarehouseSettings:
    """A lake, both of its stores behind cables."""
    return WarehouseSettings(
        stack_home=stack_home,
        warehouse_threads=1,
        dlt_destination="ducklake",
        ducklake_catalog_url=SecretStr(postgres_by_cable),
        ducklake_data_url=s3_by_cable,
    )
