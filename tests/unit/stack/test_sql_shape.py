"""A query's shape shows what it asks, but not about whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.sql import literal
from stack.sql_shape import shape_of


@pytest.mark.parametrize(
    ("sql", "statement", "tables"),
    [
        (
            "select name from marts.cash_in where client = 'Bob' and amount > 12.5 -- Bob",
            'SELECT "name" FROM marts.cash_in WHERE ((client = $1) AND (amount > $2))',
            ("marts.cash_in",),
        ),
        (
            "from marts.a where i in (1, 2, 3) and s not in ('Bob', 'Eve')",
            "SELECT * FROM marts.a WHERE ((i IN ($1)) AND (s NOT IN ($2)))",
            ("marts.a",),
        ),
        (
            "pivot Marts.A on who in ('Bob', 'Eve') using sum(x)",
            "SELECT * FROM Marts.A PIVOT (sum(x) FOR (who) IN ('?'))",
            ("marts.a",),
        ),
        (
            "with q as (select 1) select * from q join warehouse.marts.b using (i)",
            "WITH q AS (SELECT $1)SELECT * FROM q INNER JOIN warehouse.marts.b USING (i)",
            ("marts.b",),
        ),
        ("from '/home/bob/x.csv'", 'SELECT * FROM "?"', ()),
        ("summarize marts.a", "SUMMARIZE (SELECT * FROM marts.a)", ("marts.a",)),
    ],
)
def test_values_are_parameters_and_tables_are_told(sql, statement, tables):
    shape = shape_of(sql)
    assert shape is not None
    assert (shape.statement, shape.tables) == (statement, tables)


def test_columns_are_those_that_the_query_names():
    shape = shape_of("select c.Name, count(*) from marts.c where due < today() group by all")
    assert shape is not None
    assert shape.columns == ("due", "name")


@pytest.mark.parametrize(
    "sql", ["select from where", "pragma database_list", "select 1; select 2", "drop table a.b", ""]
)
def test_what_is_no_single_query_has_no_shape(sql):
    assert shape_of(sql) is None


PLACES = (
    "select {} as a from marts.t",
    "select * from marts.t where a = {0} or b like {0} or c in ({0}, {0})",
    "select case when a = {0} then {0} else b end from marts.t order by {0}",
    "select * from (values ({0}), ({0})) v(a), marts.t",
    "select list_filter([{0}], x -> x = {0}), {{'a': {0}}} from marts.t",
    "select max(a) filter (where b = {0}) over (order by {0}) from marts.t qualify a = {0}",
    "with q as (select {0} a) select (select a from q where a = {0}) from marts.t having a > {0}",
    "pivot marts.t on a in ({0}) using sum(b)",
    "select * from marts.t where exists (select {0} union all select {0})",
    "select {0}::varchar || {0} from marts.t limit 1",
)


@given(st.sampled_from(PLACES), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_no_value_is_in_a_shape_wherever_it_stood(place, text):
    value = f"<{text}>"
    shape = shape_of(place.format(literal(value)))
    assert shape is not None
    assert shape.tables == ("marts.t",)
    assert value not in shape.statement
    assert literal(value)[1:-1] not in shape.statement
    other = shape_of(place.format(literal("another")))
    assert other == shape, "queries that differ by values only are one"
