"""The key of a model's lineage covers everything that the lineage depends on."""

import pytest
from datahub.sql_parsing.schema_resolver import SchemaResolver
from datahub.sql_parsing.sqlglot_lineage import SqlParsingResult, sqlglot_lineage

from catalog.lineage import Lineage
from catalog.urns import Naming

NAMING = Naming("warehouse")
SQL = 'select i.amount as paid, c.name from raw.invoices i join raw."Clients" c using (client_id)'
TABLES = {
    "invoices": {"client_id": "BIGINT", "amount": "DOUBLE"},
    "clients": {"client_id": "BIGINT", "name": "VARCHAR"},
    "other": {"a": "BIGINT"},
}


def resolver(changes=None, **place) -> SchemaResolver:
    tables = SchemaResolver(**{"platform": "duckdb", "env": "DEV", **place})
    for name, columns in {**TABLES, **(changes or {})}.items():
        tables.add_raw_schema_info(NAMING.table("raw", name), columns)
    return tables


def key(sql=SQL, ctes=None, dialect="duckdb", made_by="1", tables=None) -> str:
    return Lineage({}, made_by).key(sql, ctes or {}, dialect, tables or resolver())


@pytest.mark.parametrize(
    "other",
    [
        {"sql": SQL.replace("amount", "client_id")},
        {"ctes": {"__dbt__cte__x": "x"}},
        {"dialect": "postgres"},
        {"made_by": "2"},
        {"tables": resolver({"invoices": {"client_id": "BIGINT", "amount": "INTEGER"}})},
        {"tables": resolver({"invoices": {"amount": "DOUBLE", "client_id": "BIGINT"}})},
        {"tables": resolver({"clients": {"client_id": "BIGINT"}})},
        {"tables": resolver({"CLIENTS": {"client_id": "BIGINT"}})},
        {"tables": resolver({'cli"ents': {"client_id": "BIGINT"}})},
        {"tables": resolver(platform_instance="acme")},
        {"tables": resolver(env="PROD")},
    ],
)
def test_what_the_result_follows_from_changes_the_key(other):
    assert key(**other) != key()


def test_a_table_that_the_sql_does_not_name_changes_nothing():
    assert key(tables=resolver({"other": {"b": "DATE"}, "more": {"c": "DATE"}})) == key()


def test_a_table_behind_a_cte_counts():
    ctes = {"__dbt__cte__x": "other"}
    assert key(ctes=ctes, tables=resolver({"other": {"b": "DATE"}})) != key(ctes=ctes)


def test_a_result_comes_back_the_same_and_is_dropped_when_nobody_asks_for_it():
    result = sqlglot_lineage(SQL, schema_resolver=resolver())
    assert result.column_lineage
    first = Lineage({}, "1")
    first.put("mine", result)
    first.put("forgotten", result)
    second = Lineage(first.used, "1")
    back = second.get("mine")
    assert back == result.model_validate(result.model_dump())
    assert back.column_lineage == result.column_lineage
    assert set(second.used) == {"mine"}
    assert second.get("other") is None


def test_a_result_with_an_error_may_be_a_time_out_and_is_not_kept():
    lineage = Lineage({}, "1")
    lineage.put("late", SqlParsingResult.make_from_error(TimeoutError()))
    assert lineage.used == {}
    assert lineage.parsed == 1
