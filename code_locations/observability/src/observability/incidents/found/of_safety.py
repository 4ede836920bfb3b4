"""Trouble that is only noticed in need: with the queue, backups, certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from observability.facts.model import Facts
from observability.incidents.model import Finding, Kind, Severity
from stack.words import several

# As in the alert rules.
STUCK_AFTER = timedelta(minutes=30)
MAY_BE_LATE = timedelta(hours=6)
TEST_EVERY = timedelta(days=45)
# The first backup may be tested as soon as it is made.
TEST_SETTLE_S = timedelta(days=1).total_seconds()
CERTIFICATE_LEFT = timedelta(days=14)
# Between two runs there is a moment when none is under way.
SETTLE_S = 60.0


def stuck_queue(facts: Facts) -> Iterator[Finding]:
    """The queue, if no run leaves it though one is ready, and each full pool that no run is using.

    A backlog that drains isn't stuck, however old. Runs waiting for one pool don't hold up others,
    so each pool is judged by its oldest run.
    """
    queue = facts.queue
    if queue is None:
        return
    for name, pool in queue.pools.items():
        if pool.is_full and not pool.runs and _is_long(pool.oldest_queued, facts.at):
            slots = f"All of its slots ({pool.limit}) are taken, but by no run"
            yield Finding(
                key=f"queue:{name}",
                kind=Kind.QUEUE,
                severity=Severity.ERROR,
                subject=f"pool {name} is stuck",
                cause=f"{slots if pool.limit else 'It has no slots'}. "
                f"In the queue for one: {several(pool.waiting, 'run')}.",
                next_step="Raise its limit or free its slots in the UI: Deployment, Concurrency.",
                since=pool.oldest_queued or facts.at,
                settle_s=SETTLE_S,
            )
    has_room = queue.limit is None or queue.in_progress < max(queue.limit, 1)
    still = queue.oldest_ready
    if still is not None and queue.last_left is not None:
        still = max(still, queue.last_left)
    if has_room and still is not None and _is_long(still, facts.at):
        yield Finding(
            key="queue",
            kind=Kind.QUEUE,
            severity=Severity.ERROR,
            subject="the run queue is stuck",
            cause=f"In it: {several(queue.queued, 'run')}; nobody takes one, though "
            "there is a slot.",
            next_step="Look at the daemon and its log; then at the limit of runs: Deployment, "
            "Concurrency.",
            since=still,
            settle_s=SETTLE_S,
        )


def _is_long(since: datetime | None, at: datetime) -> bool:
    return since is not None and at - since > STUCK_AFTER


def overdue_backup(facts: Facts) -> Iterator[Finding]:
    """The backup, if one is wanted and the last is too old, or none was made in a while."""
    backup = facts.backup
    if backup is None or backup.wanted_every is None:
        return
    patience = timedelta(seconds=backup.wanted_every) + MAY_BE_LATE
    if backup.made is not None and facts.at - backup.made <= patience:
        return
    last = "None was ever made."
    if backup.made is not None:
        last = f"The last one is of {backup.made:%Y-%m-%d %H:%M} UTC."
    yield Finding(
        key="backup",
        kind=Kind.BACKUP,
        severity=Severity.ERROR,
        subject="a backup is overdue",
        cause=last,
        next_step="`stack backup` makes one and says what hinders it; on a cluster look at the "
        "CronJob's last Job.",
        since=backup.made or facts.at,
        settle_s=0 if backup.made else patience.total_seconds(),
    )


def untested_backup(facts: Facts) -> Iterator[Finding]:
    """The backups, if they are wanted and made but none was tested lately."""
    backup = facts.backup
    if backup is None or backup.wanted_every is None or backup.made is None:
        return
    if backup.tested is not None and facts.at - backup.tested < TEST_EVERY:
        return
    last = "None was ever read completely, or restored."
    if backup.tested is not None:
        last = f"The last test was on {backup.tested:%Y-%m-%d}."
    yield Finding(
        key="backup:untested",
        kind=Kind.BACKUP,
        severity=Severity.WARNING,
        subject="no backup was tested lately",
        cause=last,
        next_step="`stack restore --check` reads the newest one completely and changes nothing.",
        since=backup.tested + TEST_EVERY if backup.tested else backup.made,
        settle_s=TEST_SETTLE_S,
    )


def ending_certificates(facts: Facts) -> Iterator[Finding]:
    """Each certificate that expires within two weeks."""
    for certificate in facts.certificates:
        if certificate.ends - facts.at < CERTIFICATE_LEFT:
            over = certificate.ends <= facts.at
            yield Finding(
                key=f"certificate:{certificate.name}",
                kind=Kind.CERTIFICATE,
                severity=Severity.ERROR if over else Severity.WARNING,
                subject=f"the certificate {certificate.name} "
                + ("has ended" if over else "ends soon"),
                cause=f"It is good until {certificate.ends:%Y-%m-%d %H:%M} UTC.",
                next_step="Renew it, or see why what renews it did not.",
                since=min(facts.at, certificate.ends - CERTIFICATE_LEFT),
            )
