"""Which tables a query reads."""

import pytest

from stack.sql_reads import Reads, clock_of, tables_named

A, B = ("w", "s", "a"), ("", "s", "b")


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ('select * from "w"."s"."a"', {A}),
        (
            'select * from W.S.A as x join s.b using (i) where exists (select 1 from "w"."s"."a")',
            {A, B},
        ),
        ("with a as (select * from s.b) select a.i from a", {B}),
        ("with b as (select * from c), c as (select 1) select * from b", {("", "", "c")}),
        ("with a as (select * from a) select * from a", {("", "", "a")}),
        (
            "with recursive r as (select 1 as i union all select i + 1 from r where i < 3) from r",
            set(),
        ),
        ("select * from s.b union all select 1 from range(3), unnest([1]) as u(i)", {B}),
        (
            "select (select max(i) from s.b), unnest(generate_series(1, 2)) "
            "from (values (1)) as v(i)",
            {B},
        ),
        ("select * from 'file.csv'", {("", "", "file.csv")}),
    ],
)
def test_tables_but_no_ctes(sql, tables):
    assert tables_named(sql) == tables


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('x.csv')",
        "select * from query('select 1')",
        "select my_macro(i) from s.b",
        "select a_function_of_somebody()",
        "pivot s.b on i using sum(n)",
        "describe s.b",
        "insert into s.b select 1",
        "select",
        "",
    ],
)
def test_what_can_not_be_told_is_not_guessed(sql):
    assert tables_named(sql) is None


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("select i from t", Reads.NOTHING),
        ("select date_trunc('month', day), knowledge from t", Reads.NOTHING),
        ("select current_date", Reads.DATE),
        ("select Today()", Reads.DATE),
        ("select now() - interval 1 day, current_date", Reads.UNTOLD),
        ("select current_timestamp", Reads.UNTOLD),
        ("select random()", Reads.UNTOLD),
        ("select age(day) from t", Reads.UNTOLD),
        ("select * from t using sample 3", Reads.UNTOLD),
        ("select * from read_parquet('x')", Reads.UNTOLD),
        ("select * from 'x.csv'", Reads.UNTOLD),
    ],
)
def test_the_date_and_what_is_new_each_time(sql, reads):
    assert clock_of(sql) is reads
