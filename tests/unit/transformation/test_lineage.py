"""Column lineage from SQL."""

import logging

import pytest

from transformation.lineage import column_lineage

PARENTS = {("raw", "a"): ["id", "x", "y"], ("raw", "b"): ["id", "z"]}


def test_columns_are_traced_through_ctes_joins_and_wildcards():
    sql = """
        with a as (select * from w.raw.a),
        sums as (select a.id, sum(a.x * b.z) as total, count(*) as n
                 from a left join w.raw.b as b on a.id = b.id group by a.id)
        select sums.*, 1 as one from sums
    """

    assert column_lineage(sql, PARENTS, "w") == {
        "id": [(("raw", "a"), "id")],
        "total": [(("raw", "a"), "x"), (("raw", "b"), "z")],
        "n": [],
        "one": [],
    }


def test_both_sides_of_a_union_are_origins():
    sql = "select x as v from w.raw.a union all select z from w.raw.b"

    assert column_lineage(sql, PARENTS, "w") == {"v": [(("raw", "a"), "x"), (("raw", "b"), "z")]}


def test_sql_that_cannot_be_read_has_no_lineage_and_says_so(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert column_lineage("select from where", PARENTS, "w") == {}

    assert "no column lineage" in caplog.text
