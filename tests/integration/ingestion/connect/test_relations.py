"""Relations are found by values: with the warehouse's tables, and between the files."""

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ingestion.connect import cli
from stack.warehouse import connect as warehouse
from support.connecting import run

BUYERS = ("Acme", "Foo", "Bar", "Baz", "Qux", "Zip")
ORDERS = "order_no,buyer,pieces\n" + "".join(f"O-{n},{b},1\n" for n, b in enumerate(BUYERS))
CUSTOMERS = "customer_id,who\n" + "".join(f"{n + 7},{b}\n" for n, b in enumerate(BUYERS[:5]))
MODELS = Path("code_locations/transformation/dbt/models/staging")


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    root = tmp_path / "checkout"
    (root / MODELS / "books").mkdir(parents=True)
    (root / MODELS / "books/stg_books__clients.sql").write_text("select 1")
    (root / "code_locations/stack/src/stack/raw").mkdir(parents=True)
    monkeypatch.setattr(cli, "checkout_root", lambda: root)
    return root


def make(table: str, query: str) -> None:
    with warehouse() as connection:
        connection.execute(f"create schema if not exists {table.partition('.')[0]}")
        connection.execute(f"create table {table} as {query}")


def data_tests(checkout: Path, table: str) -> dict[str, list]:
    document = yaml.safe_load((checkout / MODELS / f"files/stg_files__{table}.yml").read_text())
    columns = document["models"][0]["columns"]
    return {column["name"]: column.get("data_tests", []) for column in columns}


def test_a_column_with_nearly_all_values_of_another_files_key_gets_a_test_that_warns(
    inbox, client, checkout
):
    (client / "orders.csv").write_text(ORDERS)
    (client / "customers.csv").write_text(CUSTOMERS)
    told = CliRunner().invoke(cli.connect, [str(client)])
    assert told.exit_code == 0, told.output
    assert "buyer → stg_files__customers.who: 5 of 6 different values are there, 'Zip'" in (
        told.output
    )
    assert data_tests(checkout, "orders")["buyer"][1:] == [
        {
            "relationships": {
                "name": "buyer_of_files_orders_is_known",
                "arguments": {"to": "ref('stg_files__customers')", "field": "who"},
                "config": {"severity": "warn"},
            }
        }
    ]


def test_a_staging_model_of_the_warehouse_is_found_under_any_name(inbox, client, checkout):
    make(
        "staging.stg_books__clients", "select unnest(['Acme', 'Foo', 'Bar', 'Else']) as client_name"
    )
    (client / "besuche.csv").write_text("nummer,firmenname\n4,Acme\n9,Bar\n12,Acme\n15,Foo\n")
    told = CliRunner().invoke(cli.connect, [str(client)])
    assert "firmenname → stg_books__clients.client_name: 3 of 3 different" in told.output
    (test,) = data_tests(checkout, "besuche")["firmenname"][1:]
    assert test["relationships"]["arguments"]["to"] == "ref('stg_books__clients')"
    assert "config" not in test["relationships"]


def test_small_numbers_are_no_relation_to_numbers_in_a_row(inbox, client, stack_home):
    make("freelancer_raw.books_projects", "select range as project_id from range(1, 50)")
    (client / "besuche.csv").write_text("nummer,pieces,project\n41,1,3\n99,2,4\n120,3,4\n")
    told = run(client, "--dry-run")
    assert "pieces →" not in told.output
    assert "project → books_projects.project_id: 2 of 2" in told.output


def test_a_name_alone_is_no_relation(inbox, client, stack_home):
    make("freelancer_raw.books_clients", "select unnest(['A', 'B', 'C']) as client_name")
    (client / "besuche.csv").write_text("nummer,client_name\n41,X\n99,Y\n120,A\n")
    assert "→" not in run(client, "--dry-run").output


def test_hours_are_not_related_to_clients_who_happen_to_have_one_invoice_each(inbox, client):
    (client / "hours.csv").write_text("date,client,hours\n2026-03-02,A,1.5\n2026-03-03,B,1\n")
    (client / "invoices.csv").write_text(
        "invoice_no,invoice_date,client,net_eur,tax_eur\n7,2026-03-31,A,9,1\n8,2026-03-31,B,9,1\n"
    )
    told = run(client, "--dry-run")
    assert "fill clients, invoices" in told.output
    assert "→" not in told.output


def test_what_the_same_files_gave_to_the_books_is_no_evidence(inbox, client, stack_home):
    (client / "hours.csv").write_text(
        "date,client,hours\n2026-03-02,Acme,1.5\n2026-03-03,Foo,1.5\n2026-03-04,Bar,2\n"
    )
    run(client)
    assert "→" not in run(client).output


def test_a_table_that_dbt_does_not_know_is_shown_without_a_test(inbox, client, checkout):
    make("freelancer_raw.files_firmen", "select unnest(['A', 'B', 'C']) as firma")
    (client / "besuche.csv").write_text("nummer,wer\n41,A\n99,B\n")
    told = CliRunner().invoke(cli.connect, [str(client)])
    assert "wer → files_firmen.firma: 2 of 2 different values are there; no test" in told.output
    assert data_tests(checkout, "besuche")["wer"] == ["not_null"]


def test_what_a_person_changed_stays_when_more_files_are_connected(inbox, client, checkout):
    (client / "orders.csv").write_text(ORDERS)
    CliRunner().invoke(cli.connect, [str(client)])
    model = checkout / MODELS / "files/stg_files__orders.sql"
    raw = checkout / "code_locations/stack/src/stack/raw/files.yml"
    model.write_text("-- mine\n")
    raw.write_text(raw.read_text().replace("  orders:", "  # mine\n  orders:"))
    (client / "customers.csv").write_text(CUSTOMERS)
    told = CliRunner().invoke(cli.connect, [str(client)])
    assert told.exit_code == 0, told.output
    assert model.read_text() == "-- mine\n"
    assert "# mine" in raw.read_text()
    assert set(yaml.safe_load(raw.read_text())["tables"]) == {"orders", "customers"}


def test_a_header_is_no_code_for_dbt_and_a_word_of_sql_is_quoted(inbox, client, checkout):
    (client / "odd.csv").write_text("order_id,{{ x }},select\n7,a,1\n9,b,2\n")
    assert CliRunner().invoke(cli.connect, [str(client)]).exit_code == 0
    model = (checkout / MODELS / "files/stg_files__odd.sql").read_text()
    assert '        "select"\n' in model
    assert "{{ x }}" not in (checkout / MODELS / "files/stg_files__odd.yml").read_text()


def test_a_table_that_is_declared_with_other_columns_is_replaced_only_if_that_is_said(
    inbox, client, checkout
):
    (client / "orders.csv").write_text(ORDERS)
    assert CliRunner().invoke(cli.connect, [str(client)]).exit_code == 0
    (client / "orders.csv").write_text(ORDERS.replace("pieces", "amount"))
    told = CliRunner().invoke(cli.connect, [str(client)])
    assert "without the columns amount" in str(told.exception)
    assert not inbox.waiting()
    assert CliRunner().invoke(cli.connect, [str(client), "--replace"]).exit_code == 0
    assert data_tests(checkout, "orders").keys() == {"order_no", "buyer", "amount"}


def test_nothing_is_written_if_one_file_cannot_be(inbox, client, checkout, stack_home):
    (client / "orders.csv").write_text(ORDERS)
    shutil.rmtree(checkout / "code_locations/stack")
    (checkout / "code_locations/stack").write_text("no folder")
    told = CliRunner().invoke(cli.connect, [str(client)])
    assert "nothing was written" in str(told.exception)
    assert not (stack_home / "files").exists()
    assert not (checkout / MODELS / "files").exists()
    assert inbox.waiting() == {}
