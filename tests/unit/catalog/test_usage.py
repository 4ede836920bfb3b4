"""A table's statistics for a day: whose queries, how many, which ones, of which columns."""

from datetime import UTC, datetime, timedelta

from catalog.inventory import ColumnFacts, TableFacts
from catalog.proposals import collect
from catalog.tables import CatalogTable
from catalog.urns import Naming
from catalog.usage import TOP_STATEMENTS, usage_proposals
from stack.activity import Read

NAMING = Naming("warehouse")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def table(name: str, *columns: str) -> CatalogTable:
    return CatalogTable(
        TableFacts("marts", name, "table", tuple(ColumnFacts(c, "BIGINT", True) for c in columns))
    )


TABLES = (table("Cash_In", "id", "Amount"), table("clients", "id", "name"))


def read(at: datetime = NOON, **rest) -> Read:
    return Read(at=at, **{"user": "ann", "by": "query", "tables": ("marts.cash_in",), **rest})


def told(*reads: Read) -> dict[tuple[str, str], dict]:
    """Aspects by a table's name, or a query's statement, and their name; all of them valid."""
    found = {}
    for p in collect(usage_proposals(NAMING, reads, TABLES)):
        assert p.validate()
        aspect = p.to_obj(simplified_structure=True)["aspect"]["json"]
        found.setdefault((p.entityUrn, p.aspectName), []).append(aspect)
    return found


CASH_IN = (NAMING.table("marts", "Cash_In"), "datasetUsageStatistics")


def test_users_and_queries_of_a_day_are_counted_by_table():
    midnight = NOON.replace(hour=0)
    found = told(
        read(statement="SELECT $1", columns=("amount", "id", "unknown")),
        read(midnight, statement="SELECT $1"),
        read(user="dagster", by="dbt_test", count=5),
        read(midnight - timedelta(microseconds=1)),
    )
    yesterday, today = found[CASH_IN]
    assert (yesterday["totalSqlQueries"], today["totalSqlQueries"]) == (1, 7)
    assert today["timestampMillis"] == midnight.timestamp() * 1000
    assert today["eventGranularity"] == {"unit": "DAY", "multiple": 1}
    assert today["uniqueUserCount"] == 2
    assert [(u["user"], u["count"]) for u in today["userCounts"]] == [
        ("urn:li:corpuser:ann", 2), ("urn:li:corpuser:dagster", 5),
    ]  # fmt: skip
    assert today["topSqlQueries"] == ["SELECT $1"]
    assert {f["fieldPath"]: f["count"] for f in today["fieldCounts"]} == {"id": 1, "Amount": 1}


def test_a_column_that_two_of_the_tables_have_is_counted_for_neither():
    both = ("marts.cash_in", "marts.clients")
    found = told(read(tables=both, columns=("id", "amount", "name")))
    [cash_in] = found[CASH_IN]
    assert [f["fieldPath"] for f in cash_in["fieldCounts"]] == ["Amount"]


def test_what_people_asked_most_is_a_query_of_its_own_with_its_tables():
    reads = [read(statement=f"SELECT {n}", count=1 + n) for n in range(TOP_STATEMENTS + 5)]
    joined = read(NOON - timedelta(hours=1), statement="JOIN", count=99, user="bob",
                  tables=("marts.cash_in", "marts.clients", "elsewhere.t"))  # fmt: skip
    found = told(*reads, joined)
    [cash_in] = found[CASH_IN]
    assert cash_in["topSqlQueries"][:2] == ["JOIN", f"SELECT {TOP_STATEMENTS + 4}"]
    assert len(cash_in["topSqlQueries"]) == TOP_STATEMENTS
    urn = NAMING.query("JOIN")
    [properties], [subjects] = found[urn, "queryProperties"], found[urn, "querySubjects"]
    assert properties["statement"] == {"value": "JOIN", "language": "SQL"}
    assert properties["created"]["actor"] == "urn:li:corpuser:bob"
    assert [s["entity"] for s in subjects["subjects"]] == [
        NAMING.table("marts", "Cash_In"), NAMING.table("marts", "clients"),
    ]  # fmt: skip
    assert NAMING.query("JOIN") != Naming("warehouse", "PROD").query("JOIN")


def test_reads_of_what_is_not_catalogued_are_left_out():
    assert told(read(tables=("marts.gone",), statement="SELECT $1")) == {}
