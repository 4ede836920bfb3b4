"""A stack with real runs, on each kind of run storage."""

import dagster as dg
import pytest

from support.observed import Observed

STORES = ("sqlite", "postgres")


@pytest.fixture(scope="package", params=STORES)
def observed(request, tmp_path_factory):
    """Nothing of it may be changed by a test; further runs may be added."""
    home = tmp_path_factory.mktemp(f"observed_{request.param}")
    url = ""
    if request.param == "postgres":
        from support.servers import new_database

        url = new_database(request.getfixturevalue("postgres_url"))
    with Observed.opened(home, url) as observed:
        observed.night()
        yield observed


@pytest.fixture
def fresh():
    """An instance in memory, in which nothing happened."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
