"""Servers of the integration tests: started once, stopped at the end."""

from collections.abc import Iterator

import pytest

from support.servers import S3, postgres, s3_store


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real Postgres."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A real S3 store with a bucket."""
    with s3_store() as store:
        yield store
