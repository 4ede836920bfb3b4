"""The last outcome of each asset check.

Dagster adds a row whenever a check is planned, and fills it in when the check is evaluated. The
first look reads the newest row of each check; later ones read only rows added since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import dagster as dg

from observability.facts.model import CheckFact
from observability.facts.rows import events_of, rows_of
from observability.facts.tables import OWNER
from stack.errors import one_line
from stack.freshness.watch import CHECK_NAME as FRESHNESS_CHECK
from stack.run_storage import moment

# Dagster doesn't forget a renamed or removed check. One that hasn't been evaluated for this long,
# while others of its asset were, is assumed to be gone.
GONE_AFTER = timedelta(days=7)
_PLANNED = "PLANNED"
_TRIES = 20

Key = tuple[str, str]


@dataclass(frozen=True)
class _Row:
    id: int
    fact: CheckFact


class CheckReader:
    """Reads the last evaluation of each check."""

    def __init__(self) -> None:
        self._newest = 0
        self._planned: dict[Key, int] = {}
        self._known: dict[Key, _Row] = {}

    def read(
        self,
        instance: dg.DagsterInstance,
        owners: Mapping[tuple[str, ...], tuple[str, ...]],
    ) -> tuple[CheckFact, ...]:
        """All checks that were evaluated and aren't gone, by asset and name."""
        with events_of(instance) as connection:
            latest = self._latest(connection)
            rows = _rows(connection, list(latest.values()))
            planned = {}
            for key, id_ in latest.items():
                status, body = rows.get(id_, (_PLANNED, None))
                if body is None or status == _PLANNED:
                    planned[key] = id_
                    if key not in self._known and (before := _before(connection, key, id_)):
                        self._note(connection, key, *before)
                else:
                    self._note(connection, key, id_, body)
        self._planned = planned
        return _without_gone(
            replace(row.fact, owners=owners.get(row.fact.path, (OWNER,)))
            for _, row in sorted(self._known.items())
        )

    def _latest(self, connection: Any) -> dict[Key, int]:
        """The newest row of each check, if it is a new one or was only planned last time."""
        import sqlalchemy as sa
        from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

        checks = AssetCheckExecutionsTable.c
        of_check = (checks.asset_key, checks.check_name)
        if self._newest:  # by primary key: if grouped, SQLite would read a whole index
            query = sa.select(*of_check, checks.id).where(checks.id > self._newest)
            query = query.order_by(checks.id)
        else:
            query = sa.select(*of_check, sa.func.max(checks.id)).group_by(*of_check)
        # A table's age is already reported as its freshness.
        query = query.where(checks.check_name != FRESHNESS_CHECK)
        found = {(row[0], row[1]): row[2] for row in connection.execute(query)}
        self._newest = max([self._newest, *found.values()])
        return self._planned | found

    def _note(self, connection: Any, key: Key, id_: int, body: str) -> None:
        known = self._known.get(key)
        fact = _fact(body)
        if fact is None or (known and known.id == id_):
            return
        if not fact.passed:
            since = known.fact.since if known and not known.fact.passed else None
            fact = replace(fact, since=since or _failing_since(connection, key, id_) or fact.at)
        self._known[key] = _Row(id_, fact)


def _rows(connection: Any, ids: list[int]) -> dict[int, tuple[str, str | None]]:
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

    checks = AssetCheckExecutionsTable.c
    query = sa.select(checks.id, checks.execution_status, checks.evaluation_event)
    return {row[0]: (row[1], row[2]) for row in rows_of(connection, query, checks.id, ids)}


def _before(connection: Any, key: Key, id_: int) -> tuple[int, str] | None:
    """The last evaluation before a row that is only planned."""
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

    checks = AssetCheckExecutionsTable.c
    for _ in range(_TRIES):  # each query uses an index, and none has the status
        query = sa.select(sa.func.max(checks.id)).where(
            checks.asset_key == key[0], checks.check_name == key[1], checks.id < id_
        )
        found = connection.execute(query).scalar()
        if found is None:
            return None
        id_ = int(found)
        status, body = _rows(connection, [id_])[id_]
        if status != _PLANNED and body is not None:
            return id_, body
    return None


def _failing_since(connection: Any, key: Key, id_: int) -> Any:
    """When the check first failed after it last passed."""
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

    checks = AssetCheckExecutionsTable.c
    of_check = (checks.asset_key == key[0], checks.check_name == key[1])
    passed = sa.select(sa.func.max(checks.id)).where(
        *of_check, checks.execution_status == "SUCCEEDED", checks.id < id_
    )
    last_passed = connection.execute(passed).scalar() or 0
    first = sa.select(sa.func.min(checks.id)).where(
        *of_check, checks.execution_status == "FAILED", checks.id > last_passed
    )
    when = sa.select(checks.evaluation_event_timestamp).where(checks.id == first.scalar_subquery())
    return moment(connection.execute(when).scalar())


def _fact(body: str) -> CheckFact | None:
    from dagster._serdes import deserialize_value

    entry = deserialize_value(body, dg.EventLogEntry)
    told = entry.dagster_event.event_specific_data if entry.dagster_event else None
    at = moment(entry.timestamp)
    if not isinstance(told, dg.AssetCheckEvaluation) or at is None:
        return None
    return CheckFact(
        path=tuple(told.asset_key.path),
        name=told.check_name,
        passed=told.passed,
        severity=told.severity.value.lower(),
        at=at,
        run_id=entry.run_id,
        description=one_line(told.description or "", 500),
    )


def _without_gone(facts: Any) -> tuple[CheckFact, ...]:
    found = list(facts)
    newest: dict[tuple[str, ...], Any] = {}
    for fact in found:
        newest[fact.path] = max(newest.get(fact.path, fact.at), fact.at)
    return tuple(fact for fact in found if fact.at >= newest[fact.path] - GONE_AFTER)
