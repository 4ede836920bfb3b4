"""What is wrong with the stores that everything depends on, and with what they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from observability.facts.model import Facts, OutageFact, ReachFact, UnreadFact
from observability.facts.reach import DISK, OBJECTS, RUN_STORAGE, WAREHOUSE
from observability.incidents.model import Finding, Kind, Severity
from stack.words import several

# As in the alert rules.
NEARLY_FULL_BYTES = 2 * 2**30
# Free space swings while runs write temporary files.
ROOM_AGAIN_BYTES = 3 * 2**30
# Three looks in a row: what passes by itself needs nobody.
AWAY_SETTLE_S = 30.0
# A store that goes again this soon wasn't back.
BACK_SETTLE_S = 60.0
# While locations are promoted one by one, one of them may be ahead for this long.
UNREAD_SETTLE_S = 900.0
# Health checks of what is in these stores.
IN_STORES = frozenset({"warehouse", "datahub", "run_queue"})
_SUBJECTS = {
    RUN_STORAGE: "Dagster's run storage is away",
    WAREHOUSE: "the warehouse is away",
    OBJECTS: "the object store is away",
    DISK: "the disk can't be written to",
}
_WAITED_FOR = "Bring it back; runs wait some minutes for it, those that failed are to be run again."
_NEXT_STEPS = {
    WAREHOUSE: "Bring it back, or restore a backup; runs that failed are to be run again.",
    DISK: "Make room, or see why it can't be written to.",
}
_FILES = {"load_reports": "load report", "quarantine": "quarantine note", "alerts": "alert file"}


def stores_away(facts: Facts) -> Iterator[Finding]:
    """Each store that can't be used, or couldn't a moment ago.

    Except the run storage: it holds the messages' state, so its outage is reported in another way.
    """
    for store in facts.reach:
        if store.name == RUN_STORAGE:
            continue
        if not store.up:
            yield store_away(store)
        elif store.back and (facts.at - store.back).total_seconds() < BACK_SETTLE_S:
            yield store_away(store).model_copy(update={"opens": False})


def store_away(store: ReachFact) -> Finding:
    """The finding about a store that can't be used."""
    return Finding(
        key=f"store:{store.name}",
        kind=Kind.STORE,
        severity=Severity.ERROR,
        subject=_SUBJECTS[store.name],
        cause=store.sentence,
        next_step=_NEXT_STEPS.get(store.name, _WAITED_FOR),
        since=store.since or store.at,
        settle_s=AWAY_SETTLE_S,
    )


def files_unread(facts: Facts) -> Iterator[Finding]:
    """Files that were skipped as unreadable, one finding for each kind of file."""
    parts: dict[str, list[UnreadFact]] = defaultdict(list)
    for file in facts.unread:
        parts[file.part].append(file)
    for part, files in parts.items():
        yield Finding(
            key=f"unread:{part}",
            kind=Kind.UNREAD,
            severity=Severity.WARNING,
            subject=f"{several(len(files), _FILES[part])} can't be read",
            cause=files[0].reason,
            next_step="Bring all parts of the stack to one version, or mend the file or delete it.",
            since=facts.at,
            items=tuple(file.file for file in files),
            settle_s=UNREAD_SETTLE_S,
        )


def full_disk(facts: Facts) -> Iterator[Finding]:
    """This machine's fullest disk, if it is nearly full."""
    free = [(store.free, store.name) for store in facts.stores if store.free is not None]
    if free and (least := min(free))[0] < ROOM_AGAIN_BYTES:
        yield Finding(
            key="disk",
            kind=Kind.DISK,
            severity=Severity.ERROR,
            subject="the disk is nearly full",
            cause=f"{least[0] / 2**30:.1f} GiB are free where {least[1].replace('_', ' ')} lies.",
            next_step="Make room: `stack retention` deletes what is old, or says what it would.",
            since=facts.at,
            opens=least[0] < NEARLY_FULL_BYTES,
        )


def is_outdated(outage: OutageFact, facts: Facts) -> bool:
    """Whether a store came back after a health check last looked at what is in it."""
    return outage.name in IN_STORES and is_before_return(outage.at, facts)


def is_before_return(at: datetime, facts: Facts) -> bool:
    """Whether a store came back after that."""
    return any(store.up and store.back is not None and at < store.back for store in facts.reach)
