"""Declarations about arrived files override what the reader would find out."""

from datetime import date
from decimal import Decimal

import pytest

from ingestion.incoming.declared import Declared
from stack.declarations import DeclarationError
from support.incoming import Incoming


@pytest.fixture
def inbox(stack_home) -> Incoming:
    return Incoming(stack_home)


def declare(home, name: str, text: str) -> None:
    folder = home / "files"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yml").write_text(text)


def test_names_types_and_forms_are_taken_as_declared(inbox, stack_home):
    declare(
        stack_home,
        "bank",
        "files: ['bank/*']\nread:\n  encoding: cp850\n  delimiter: '|'\n"
        "  header: [wer, wann, wieviel, nr]\n"
        "  columns:\n    wann: {type: date, format: '%m/%d/%y'}\n    wieviel: {decimal: ','}\n"
        "    nr: {type: text, name: number}\n",
    )
    inbox.drop("bank/a.csv", "Müller|03/04/26|1,250|7\n".encode("cp850"))
    inbox.process()
    rows = inbox.rows("select wer, wann, wieviel, number from files_bank")
    assert rows == [("Müller", date(2026, 3, 4), Decimal("1.250"), "7")]


def test_rows_of_a_table_with_a_key_replace_those_that_are_there(inbox, stack_home):
    declare(stack_home, "orders", "tables: [orders]\nread: {key: [id]}\n")
    inbox.drop("orders/1.csv", "id,n\n1,1\n2,1\n")
    inbox.process()
    inbox.drop("orders/2.csv", "id,n\n2,2\n3,2\n")
    inbox.process()
    assert inbox.rows("select id, n from files_orders order by id") == [(1, 1), (2, 2), (3, 2)]


@pytest.mark.parametrize("contract", ["freeze", "set_aside"])
def test_a_contract_refuses_or_sets_aside_what_the_table_has_no_room_for(
    inbox, stack_home, contract
):
    declare(stack_home, "orders", f"tables: [files_orders]\nread: {{contract: {contract}}}\n")
    inbox.drop("orders/1.csv", "id,n\n1,1\n")
    inbox.process()
    inbox.drop("orders/2.csv", "id,n\n2,2\n3,many\n")
    report = inbox.process()
    kept = [(1, 1)] if contract == "freeze" else [(1, 1), (2, 2)]
    assert inbox.rows("select id, n from files_orders order by id") == kept
    (entry,) = inbox.set_aside().values()
    assert "'many'" in entry.reason
    assert "line 3" in entry.reason
    assert report.report.unaccounted() == {}
    inbox.drop("orders/3.csv", "id,n,more\n4,4,x\n")
    inbox.process()
    assert any("more" in entry.reason for entry in inbox.set_aside().values())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tables: orders\n", "orders.yml:1: tables: found 'orders', expected a list"),
        ("read: {}\n", "orders.yml:1: name the tables or the files"),
        ("files: [a]\nread: {key: [id]}\n", "a key belongs to a table"),
        (
            "tables: [a]\nread: {delimeter: ','}\n",
            "orders.yml:2: read.delimeter: found an unknown field, expected one of enc",
        ),
        ("tables: [a\n", "can't be read as YAML"),
    ],
)
def test_a_wrong_declaration_is_one_line_that_names_its_file(stack_home, text, told):
    declare(stack_home, "orders", text)
    with pytest.raises(DeclarationError) as error:
        Declared.load(stack_home / "files")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_column_declared_as_numbers_takes_them_with_and_without_their_unit(inbox, stack_home):
    declare(stack_home, "fees", "tables: [fees]\nread: {columns: {amount: {type: decimal}}}\n")
    inbox.drop("fees/1.csv", "id;amount\n1;12,50 €\n")
    inbox.drop("fees/2.csv", "id;amount\n2;3,00\n")
    inbox.drop("fees/3.csv", "id;amount\n3;7,00 €\n")
    inbox.drop("fees/4.csv", "id;amount\n3;7,00 $\n")
    report = inbox.process()
    assert list(report.quarantined) == ["fees/4.csv"]
    assert inbox.rows("select sum(amount)::varchar from files_fees") == [("22.50",)]
