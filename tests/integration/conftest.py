"""Servers for the integration tests: started once, stopped at the end."""

from collections.abc import Iterator

import pytest

from support.servers import S3, new_database, postgres, s3_store


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real Postgres: its database `postgres`, which all tests of a worker share."""
    with postgres() as url:
        yield url


@pytest.fixture
def database_url(postgres_url) -> str:
    """A database that is the test's own: a lake that it makes there is nobody else's."""
    return new_database(postgres_url)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A real S3 store with a bucket."""
    with s3_store() as store:
        yield store
