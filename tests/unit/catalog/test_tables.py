"""What dbt's manifest says about tables."""

from catalog.inputs import Inputs
from catalog.inventory import ColumnFacts, TableFacts
from catalog.tables import MODELS_OWNER, CatalogTable, dbt_tables, describe
from stack.dbt_artifacts import Node
from support.dbt import manifest, node


def column_test(kind: str, model: str, column: str) -> Node:
    target = f"model.p.{model}"
    return node(
        f"test.p.{kind}_{model}_{column}", target,
        attached_node=target, column_name=column, test_metadata={"name": kind},
    )  # fmt: skip


def test_no_manifest_means_no_tables():
    assert dbt_tables(manifest()) == {}


def test_a_model_goes_by_its_alias_and_a_source_by_its_identifier():
    source = node("source.p.books.clients", identifier="books_clients")
    tables = dbt_tables(manifest(node("model.p.cash", alias="cash_in"), source))
    assert set(tables) == {("marts", "cash_in"), ("freelancer_raw", "books_clients")}
    assert tables["freelancer_raw", "books_clients"].node.is_source


def test_ephemeral_models_and_tests_are_no_tables():
    ephemeral = node("model.p.x", config={"materialized": "ephemeral"})
    assert dbt_tables(manifest(ephemeral, column_test("unique", "x", "id"))) == {}


def test_a_column_that_is_tested_unique_and_not_null_is_the_key():
    tables = dbt_tables(
        manifest(
            node("model.p.cash_in"),
            column_test("unique", "cash_in", "number"),
            column_test("unique", "cash_in", "id"),
            column_test("not_null", "cash_in", "id"),
            column_test("not_null", "cash_in", "amount"),
        )
    )
    table = tables["marts", "cash_in"]
    assert table.primary_key == ("id",)
    assert table.not_null == {"id", "amount"}
    assert table.tested


def test_a_test_named_primary_key_says_both_at_once():
    tables = dbt_tables(
        manifest(node("model.p.cash_in"), column_test("primary_key", "cash_in", "id"))
    )
    assert tables["marts", "cash_in"].primary_key == ("id",)
    assert tables["marts", "cash_in"].not_null == {"id"}


def test_columns_that_are_unique_together_are_the_key_if_none_may_be_null():
    together = node(
        "test.p.together", "model.p.cash_in", attached_node="model.p.cash_in",
        test_metadata={"name": "unique_together", "kwargs": {"columns": ["month", "currency"]}},
    )  # fmt: skip
    month, currency = (column_test("not_null", "cash_in", c) for c in ("month", "currency"))
    some = dbt_tables(manifest(node("model.p.cash_in"), together, month))
    assert some["marts", "cash_in"].primary_key == ()
    both = dbt_tables(manifest(node("model.p.cash_in"), together, month, currency))
    assert both["marts", "cash_in"].primary_key == ("month", "currency")


def test_a_key_that_dbt_knows_itself_wins():
    tables = dbt_tables(manifest(node("model.p.cash_in", primary_key=["year", "month"])))
    assert tables["marts", "cash_in"].primary_key == ("year", "month")
    assert not tables["marts", "cash_in"].tested


def test_owners_are_read_as_dagster_reads_them_then_as_dbt_does():
    tables = dbt_tables(
        manifest(
            node("model.p.a", config={"meta": {"dagster": {"owners": ["team:x"]}, "owner": "ada"}}),
            node("model.p.b", meta={"owner": "ada"}),
            node("model.p.c"),
        )
    )
    assert [tables["marts", name].owners for name in "abc"] == [("team:x",), ("ada",), ()]


def test_a_table_that_nobody_declared_is_the_analysts():
    facts = TableFacts("marts", "x", "table", (ColumnFacts("id", "BIGINT", nullable=True),))
    [table] = describe([facts], Inputs(), "freelancer_raw")
    assert table.owners == (MODELS_OWNER,)
    assert table.description == ""
    assert table.layer == "marts"


def test_a_key_column_that_the_table_lacks_is_left_out():
    facts = TableFacts("marts", "cash_in", "table", (ColumnFacts("id", "BIGINT", nullable=True),))
    dbt = dbt_tables(manifest(node("model.p.cash_in", primary_key=["id", "gone"])))[
        "marts", "cash_in"
    ]
    table = CatalogTable(facts, dbt=dbt)
    assert table.primary_key == ("id",)
    assert table.never_null("id")
