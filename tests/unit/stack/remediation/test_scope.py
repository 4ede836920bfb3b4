"""From the tables that an alert names to the raw tables that are loaded again."""

from stack.remediation.isolation import queries
from stack.remediation.scope import scope_of

RAW = ["books_clients", "books_invoices", "shop_products"]
MANIFEST = {
    "sources": {
        "source.p.books.clients": {"identifier": "books_clients"},
        "source.p.books.invoices": {"identifier": "books_invoices"},
    },
    "nodes": {
        "model.p.stg_invoices": {
            "resource_type": "model", "schema": "staging", "alias": "stg_invoices"
        },
        "model.p.revenue": {"resource_type": "model", "schema": "marts", "alias": "revenue"},
        "test.p.not_null": {
            "resource_type": "test",
            "name": "not_null",
            "attached_node": "source.p.books.invoices",
            "config": {"severity": "ERROR"},
            "depends_on": {"nodes": ["source.p.books.invoices"]},
        },
        "test.p.look": {
            "resource_type": "test",
            "name": "look",
            "attached_node": "model.p.revenue",
            "config": {"severity": "warn"},
            "depends_on": {"nodes": ["model.p.revenue"]},
        },
    },
    "parent_map": {
        "model.p.stg_invoices": ["source.p.books.invoices"],
        "model.p.revenue": ["model.p.stg_invoices", "source.p.books.clients"],
    },
}  # fmt: skip


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
    validation = {
        "results": [
            {"schema": "raw", "table": "books_clients", "check_name": name, "severity": severity,
             "sql": sql, "success": False}
            for name, severity, sql in [
                ("fatal", "critical", "select 1"),
                ("warning", "warning", "select 2"),
                ("not judged", "critical", None),
            ]
        ]
    }  # fmt: skip
    tests = {
        "results": [
            {"unique_id": "test.p.not_null", "status": "fail", "compiled_code": "select 3"},
            {"unique_id": "test.p.look", "status": "warn", "compiled_code": "select 4"},
        ]
    }
    found = [(q.schema, q.table, q.check, q.sql) for q in queries(validation, tests, MANIFEST)]
    assert found == [
        ("raw", "books_clients", "fatal", "select 1"),
        ("raw", "books_invoices", "not_null", "select 3"),
    ]
    assert list(queries(None, None, None)) == []
