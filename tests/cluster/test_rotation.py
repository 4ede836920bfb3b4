"""Credentials of the bundled stores change: old ones stop working, and no queued run is lost."""

import uuid

import pytest

from cluster.kube import ClusterError, wait_for
from stack.pipelines import MONITORING

MARK = uuid.uuid4().hex  # a kept release has runs of earlier times
STORES = {
    "postgresql.dagsterPassword": f"it's {MARK}",
    "postgresql.lakePassword": f"p@ss/word {MARK}",
    "s3.secretAccessKey": f"key-{MARK}",
}
LOGIN = """
import psycopg2, sys
psycopg2.connect(host=sys.argv[1], user=sys.argv[2], dbname=sys.argv[2], password=sys.argv[3])
"""


@pytest.fixture
def queued(release):
    """A run that stays queued, as there is no daemon."""
    name = f"deployment/{release.fullname}-daemon"
    release.namespace.kubectl("scale", name, "--replicas=0")
    wait_for(
        lambda: not release.namespace.get("pods", release.selector("daemon")), "the daemon to go"
    )
    return release.launch("transformation", MONITORING.name)


def test_a_changed_password_is_applied_and_a_queued_run_goes_on_with_it(release, queued):
    former = release.secret("postgresql")
    assert release.run(queued)["status"] == "QUEUED"
    release.install(*(part for key, v in STORES.items() for part in ("--set", f"{key}={v}")))
    release.wait_for_run(queued, {"SUCCESS"})
    held = release.secret("postgresql")
    assert held["postgres-password"] == former["postgres-password"]
    for user in ("dagster", "lake"):
        assert held[f"{user}-password"] == STORES[f"postgresql.{user}Password"]
        assert logs_in(release, user, held[f"{user}-password"])
        assert not logs_in(release, user, former[f"{user}-password"])


def test_what_was_set_once_stays_without_being_set_again(release):
    release.install()
    held = release.secret("postgresql")
    assert held["dagster-password"] == STORES["postgresql.dagsterPassword"]
    assert release.secret("s3")["secret-access-key"] == STORES["s3.secretAccessKey"]


def logs_in(release, user: str, password: str) -> bool:
    server = f"deployment/{release.fullname}-webserver"
    host = f"{release.fullname}-postgresql"
    try:
        release.namespace.execute(server, "python", "-c", LOGIN, host, user, password)
    except ClusterError as error:
        assert "password authentication failed" in str(error)
        return False
    return True
