"""From the tables in an alert to the raw tables that are reloaded."""

from stack.dbt_artifacts import NodeOutcome, Results
from stack.gx_artifacts import ExpectationResult, ValidationResult
from stack.remediation.isolation import queries
from stack.remediation.scope import scope_of
from support.dbt import manifest, node

RAW = ["books_clients", "books_invoices", "shop_products"]
CLIENTS, INVOICES = "source.p.books.clients", "source.p.books.invoices"
MANIFEST = manifest(
    node(CLIENTS, identifier="books_clients"),
    node(INVOICES, identifier="books_invoices"),
    node("model.p.stg_invoices", INVOICES, schema="staging"),
    node("model.p.revenue", "model.p.stg_invoices", CLIENTS),
    node("test.p.not_null", INVOICES, attached_node=INVOICES),
    node("test.p.look", "model.p.revenue", config={"severity": "warn"}),
)


def test_raw_tables_are_known_by_name_with_any_schema():
    scope = scope_of(["raw.books_clients", "freelancer_raw.books_invoices"], RAW, None)
    assert (scope.raw_tables, scope.unknown) == (("books_clients", "books_invoices"), ())
    assert scope_of(["books_clients"], RAW, MANIFEST).raw_tables == ("books_clients",)


def test_a_model_stands_for_all_raw_tables_that_it_is_made_of():
    scope = scope_of(["marts.revenue"], RAW, MANIFEST)
    assert set(scope.raw_tables) == {"books_clients", "books_invoices"}
    assert scope.models == ("marts.revenue",)


def test_what_nobody_knows_is_named():
    assert scope_of(["marts.revenue", "x"], RAW, None).unknown == ("marts.revenue", "x")


def test_only_queries_of_checks_that_fail_a_run_are_used():
    validation = ValidationResult(
        success=False,
        checkpoint="daily_validation",
        run_id="r",
        results=[
            ExpectationResult(
                schema_name="raw", table="books_clients", check_name=name,
                expectation_type="e", severity=severity, sql=sql, success=False,
            )
            for name, severity, sql in [
                ("fatal", "critical", "select 1"),
                ("warning", "warning", "select 2"),
                ("not judged", "critical", None),
            ]
        ],
    )  # fmt: skip
    tests = Results(
        results=[
            NodeOutcome(unique_id="test.p.not_null", status="fail", compiled_code="select 3"),
            NodeOutcome(unique_id="test.p.look", status="warn", compiled_code="select 4"),
        ]
    )
    found = [(q.schema, q.table, q.check, q.sql) for q in queries(validation, tests, MANIFEST)]
    assert found == [
        ("raw", "books_clients", "fatal", "select 1"),
        ("raw", "books_invoices", "not_null", "select 3"),
    ]
    assert list(queries(None, None, None)) == []


def test_models_that_use_a_raw_table_are_those_that_select_from_it_in_its_schema():
    other = node("source.p.other.clients", identifier="books_clients", schema="elsewhere")
    reader = node("model.p.reads_other", other.unique_id)
    found = manifest(*MANIFEST.tables.values(), other, reader)
    using = found.models_using({"books_clients"}, "freelancer_raw")
    assert [model.name for model in using] == ["revenue"]
