"""Who read which tables each day, and what people asked, from the activity log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from catalog.tables import CatalogTable
from catalog.urns import WAREHOUSE_PLATFORM, Naming
from stack.activity import Read

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

# Per table and day; each is also an entity of its own.
TOP_STATEMENTS = 10
LONGEST_STATEMENT = 4_000


@dataclass
class Bucket:
    """What was read from a table on one UTC day."""

    table: CatalogTable
    users: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)

    @property
    def top(self) -> list[str]:
        """The most frequent statements, in an order that reveals nothing else."""
        ranked = sorted(self.statements.items(), key=lambda item: (-item[1], item[0]))
        return [statement for statement, _ in ranked[:TOP_STATEMENTS]]


@dataclass
class Asked:
    """A statement that people asked: of which tables, who first and when."""

    tables: set[tuple[str, str]]
    user: str
    at: datetime


def usage_proposals(
    naming: Naming, reads: Iterable[Read], tables: Iterable[CatalogTable]
) -> Iterator[Proposal]:
    """Statistics of each table and day, and their most frequent queries by people."""
    from datahub.emitter.mcp import MetadataChangeProposalWrapper

    buckets, asked = _counted(reads, {".".join(t.facts.key).lower(): t for t in tables})
    top: set[str] = set()
    for (_, day), bucket in sorted(buckets.items()):
        top.update(bucket.top)
        yield MetadataChangeProposalWrapper(
            entityUrn=naming.table(*bucket.table.facts.key), aspect=_statistics(bucket, day)
        )
    for statement in sorted(top):
        yield from MetadataChangeProposalWrapper.construct_many(
            naming.query(statement), _query(naming, statement, asked[statement])
        )


def _counted(
    reads: Iterable[Read], tables: dict[str, CatalogTable]
) -> tuple[dict[tuple[str, date], Bucket], dict[str, Asked]]:
    buckets: dict[tuple[str, date], Bucket] = {}
    asked: dict[str, Asked] = {}
    for read in sorted(reads, key=lambda read: read.at):
        found = {name: tables[name] for name in read.tables if name in tables}
        statement = _cut(read.statement)
        columns = _columns(read, found)
        for name, table in found.items():
            bucket = buckets.setdefault((name, read.day), Bucket(table))
            bucket.users[read.user] += read.count
            for column in columns[name]:
                bucket.fields[column] += read.count
            if statement:
                bucket.statements[statement] += read.count
                first = asked.setdefault(statement, Asked(set(), read.user, read.at))
                first.tables.add(table.facts.key)
    return buckets, asked


def _columns(read: Read, tables: dict[str, CatalogTable]) -> dict[str, list[str]]:
    """Columns that it names, by table, except names that several of its tables have."""
    having: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, table in tables.items():
        for column in table.facts.columns:
            having[column.name.lower()].append((name, column.name))
    found: dict[str, list[str]] = {name: [] for name in tables}
    for named in read.columns:
        if len(owners := having.get(named, [])) == 1:
            [(name, written)] = owners
            found[name].append(written)
    return found


def _statistics(bucket: Bucket, day: date) -> Any:
    from datahub.emitter.mce_builder import make_user_urn
    from datahub.metadata import schema_classes as s

    return s.DatasetUsageStatisticsClass(
        # The day's own time: however often it is reported, it is the same bucket.
        timestampMillis=int(datetime.combine(day, time(), UTC).timestamp() * 1000),
        eventGranularity=s.TimeWindowSizeClass(unit=s.CalendarIntervalClass.DAY),
        uniqueUserCount=len(bucket.users),
        totalSqlQueries=bucket.users.total(),
        topSqlQueries=bucket.top or None,
        userCounts=[
            s.DatasetUserUsageCountsClass(user=make_user_urn(user), count=count)
            for user, count in sorted(bucket.users.items())
        ],
        fieldCounts=[
            s.DatasetFieldUsageCountsClass(fieldPath=name, count=count)
            for name, count in sorted(bucket.fields.items())
        ],
    )


def _query(naming: Naming, statement: str, asked: Asked) -> list[Any]:
    from datahub.emitter.mce_builder import make_data_platform_urn, make_user_urn
    from datahub.metadata import schema_classes as s

    first = s.AuditStampClass(
        time=int(asked.at.timestamp() * 1000), actor=make_user_urn(asked.user)
    )
    return [
        s.QueryPropertiesClass(
            statement=s.QueryStatementClass(value=statement, language=s.QueryLanguageClass.SQL),
            source=s.QuerySourceClass.SYSTEM,
            created=first,
            lastModified=first,
        ),
        s.QuerySubjectsClass(
            subjects=[s.QuerySubjectClass(naming.table(*key)) for key in sorted(asked.tables)]
        ),
        s.DataPlatformInstanceClass(platform=make_data_platform_urn(WAREHOUSE_PLATFORM)),
        s.StatusClass(removed=False),
    ]


def _cut(statement: str) -> str:
    too_long = len(statement) > LONGEST_STATEMENT
    return f"{statement[:LONGEST_STATEMENT]} …" if too_long else statement
