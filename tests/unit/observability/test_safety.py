"""The queue, backups and certificates, whose trouble is only noticed in need."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from observability.facts.certificates import certificates_of
from observability.facts.model import BackupFact, CertificateFact, PoolFact, QueueFact
from observability.incidents.found import findings
from observability.incidents.model import Severity
from stack.errors import StackError
from support.known_facts import DAY, HOUR, NOW, dead, facts, schedule

WANTED = 24 * 3600.0


def found(**parts):
    return {finding.key: finding for finding in findings(facts(**parts))}


SOON = NOW - timedelta(minutes=5)


@pytest.mark.parametrize(("in_progress", "limit"), [(0, 10), (9, 10), (0, 0), (20, None)])
def test_a_queue_of_which_nobody_takes_a_run_that_could_start_is_stuck(in_progress, limit):
    stuck = found(queue=QueueFact(3, in_progress, limit, NOW - 2 * HOUR, NOW - HOUR))["queue"]
    assert (stuck.subject, stuck.since) == ("the run queue is stuck", NOW - HOUR)
    assert stuck.cause == "In it: 3 runs; nobody takes one, though there is a slot."


@pytest.mark.parametrize(
    "queue",
    [
        QueueFact(3, 10, 10, NOW - HOUR, NOW - HOUR),
        QueueFact(3, 0, 10, SOON, SOON),
        QueueFact(0, 0, 10),
        QueueFact(90, 9, 10, NOW - HOUR, NOW - HOUR, last_left=SOON),  # it drains
        # Its one slot is in use, and another pool's run waits for a moment.
        QueueFact(2, 1, 10, NOW - HOUR, SOON, {"warehouse": PoolFact(1, 1, 1, 1, NOW - HOUR)}),
        # It has slots: others keep its run from the queue's.
        QueueFact(2, 10, 10, NOW - HOUR, NOW - HOUR, {"a": PoolFact(4, 0, 1, 0, NOW - HOUR)}),
        QueueFact(2, 1, 10, NOW - HOUR, SOON, {"a": PoolFact(None, 0, 1, 0, NOW - HOUR)}),
    ],
)
def test_a_queue_that_moves_or_that_nobody_waits_in_is_not(queue):
    assert found(queue=queue) == {}


def test_a_queue_has_been_stuck_since_a_run_last_left_it():
    left = NOW - timedelta(minutes=40)
    assert found(queue=QueueFact(3, 9, 10, NOW - 2 * HOUR, NOW - HOUR, last_left=left))[
        "queue"
    ].since == left  # fmt: skip


def test_a_stuck_pool_is_one_incident_until_its_own_oldest_run_has_left():
    """Runs of other pools slip through all the while."""

    def looks():
        for in_progress in (0, 2, 10, 1, 0, 3):
            for ready in (None, SOON):
                yield found(
                    queue=QueueFact(
                        4, in_progress, 10, NOW - HOUR, ready,
                        {
                            "warehouse": PoolFact(0, 0, 2, 0, NOW - HOUR),
                            "mails": PoolFact(1, min(in_progress, 1), 1, in_progress, SOON),
                        },
                    )
                )  # fmt: skip

    for look in looks():
        assert list(look) == ["queue:warehouse"]
        stuck = look["queue:warehouse"]
        assert (stuck.subject, stuck.since) == ("pool warehouse is stuck", NOW - HOUR)
        assert stuck.cause == "It has no slots. In the queue for one: 2 runs."
    left = QueueFact(2, 1, 10, SOON, None, {"warehouse": PoolFact(0, 0, 1, 0, SOON)})
    assert found(queue=left) == {}


def test_a_pool_whose_slots_are_taken_by_what_is_gone_says_so():
    pools = {"warehouse": PoolFact(4, 4, 1, 0, NOW - HOUR)}
    stuck = found(queue=QueueFact(1, 0, 10, NOW - HOUR, None, pools))["queue:warehouse"]
    assert stuck.cause.startswith("All of its slots (4) are taken, but by no run")


def test_a_queue_that_a_dead_daemon_leaves_is_told_with_it():
    both = found(
        queue=QueueFact(1, 0, 10, NOW - HOUR, NOW - HOUR), daemons=dead("QUEUED_RUN_COORDINATOR"),
        automation=(schedule(NOW - DAY),),
    )  # fmt: skip
    assert both["queue"].follows == "daemon"


def test_a_backup_is_overdue_some_hours_after_it_was_wanted():
    late = found(backup=BackupFact(WANTED, NOW - timedelta(hours=31), 10, NOW))["backup"]
    assert late.cause == "The last one is of 2026-02-28 23:00 UTC."
    assert found(backup=BackupFact(WANTED, NOW - timedelta(hours=29), 10, NOW)) == {}
    assert found(backup=BackupFact(None, NOW - 90 * DAY, 10)) == {}


def test_a_first_backup_may_come_as_late_as_any():
    none = found(backup=BackupFact(WANTED))["backup"]
    assert (none.cause, none.settle_s) == ("None was ever made.", 30 * 3600)


def test_backups_are_untested_until_one_was_read_in_the_last_weeks():
    never = found(backup=BackupFact(WANTED, NOW - HOUR, 10))["backup:untested"]
    assert never.cause == "None was ever read completely, or restored."
    assert (never.severity, never.settle_s) == (Severity.WARNING, 24 * 3600)
    long_ago = found(backup=BackupFact(WANTED, NOW - HOUR, 10, NOW - 46 * DAY))["backup:untested"]
    assert (long_ago.cause, long_ago.since) == ("The last test was on 2026-01-15.", NOW - DAY)
    assert found(backup=BackupFact(WANTED, NOW - HOUR, 10, NOW - 44 * DAY)) == {}
    assert list(found(backup=BackupFact(WANTED))) == ["backup"], "one that isn't made can't be read"


def test_a_certificate_is_told_two_weeks_before_its_end():
    ends = found(certificates=(CertificateFact("ui", NOW + 13 * DAY),))["certificate:ui"]
    assert (ends.severity, ends.subject) == (Severity.WARNING, "the certificate ui ends soon")
    over = found(certificates=(CertificateFact("ui", NOW - DAY),))["certificate:ui"]
    assert (over.severity, over.subject) == (Severity.ERROR, "the certificate ui has ended")
    assert found(certificates=(CertificateFact("ui", NOW + 15 * DAY),)) == {}


def certificate(ends):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "data.example.org")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, ends - 90 * DAY, ends)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_the_end_of_a_certificate_is_that_of_the_first_one_in_its_file(tmp_path):
    secret = tmp_path / "data-example-org" / "tls.crt"
    secret.parent.mkdir()
    ends = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)
    secret.write_bytes(certificate(ends) + certificate(ends + DAY))
    plain = tmp_path / "nginx.pem"
    plain.write_bytes(certificate(ends))
    assert certificates_of([secret, plain, tmp_path / "later.pem"]) == (
        CertificateFact("data-example-org", ends),
        CertificateFact("nginx", ends),
    )


def test_a_file_that_is_no_certificate_is_named(tmp_path):
    file = tmp_path / "key.pem"
    file.write_text("-----BEGIN PRIVATE KEY-----")
    with pytest.raises(StackError, match=r"key\.pem \(OBSERVE_CERTIFICATES\)"):
        certificates_of([file])
