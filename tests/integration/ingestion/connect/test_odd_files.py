"""`stack connect` on folders as clients send them."""

import datetime as dt
import os

import pytest

from support.connecting import refused, run
from support.workbooks import number, row, text, xlsx


def test_months_with_days_that_only_one_of_them_decides_are_one_table(inbox, client):
    (client / "Zeiten_2026-01.csv").write_text("Tag;Kunde;Stunden\n02/03/2026;Nord;1,50\n")
    (client / "Zeiten_2026-02 (1).csv").write_text(
        "Tag;Kunde;Stunden;Notiz\n25/02/2026;Süd;2,50;ok\n"
    )
    told = run(client)
    assert told.exit_code == 0, told.output
    assert "2 different, 2026-02-25 to 2026-03-02" in told.output
    assert "sum 4.00" in told.output
    days = inbox.rows("select tag, notiz from files_zeiten order by tag")
    entries = inbox.rows("select minutes, note from exports_time_entries order by minutes")
    assert entries == [(90, None), (150, "ok")]
    assert days == [(dt.date(2026, 2, 25), "ok"), (dt.date(2026, 3, 2), None)]


def test_hours_on_the_clock_are_minutes(inbox, client):
    (client / "2026.csv").write_text(
        "Datum;Kunde;Dauer\n02.03.2026;Nord;1:30\n03.03.2026;Nord;27:15\n"
    )
    told = run(client)
    assert told.exit_code == 0, told.output
    assert inbox.rows("select minutes from exports_time_entries order by 1") == [(90,), (1635,)]
    assert inbox.rows("select count(*) from files_client") == [(2,)]


def test_french_invoices_in_an_old_encoding_fill_the_books(inbox, client):
    (client / "factures.csv").write_bytes(
        "Numéro de facture;Date de facture;Client;Montant HT;TVA;Montant TTC\n"
        "F-1;25/03/2026;Café Noël;1 200,00 €;240,00 €;1 440,00 €\n".encode("cp1252")
    )
    told = run(client)
    assert "currency: EUR, each value of 'Montant HT' has €" in told.output
    assert inbox.rows("select number, net_amount, tax_amount, currency from exports_invoices") == [
        ("F-1", 1200, 240, "EUR")
    ]


def test_german_headers_with_their_units_are_invoices_and_credits_are_told(inbox, client):
    (client / "re.csv").write_text(
        "Rechnung Nr.;Datum;Kunde;Netto in €;USt. 19 %\n"
        "R1;01.02.2026;Nord;1.200,50;228,10\nR2;02.02.2026;Süd;-100,00;-19,00\n"
    )
    told = run(client)
    assert "currency: EUR, header 'Netto in €'" in told.output
    assert "rows with a negative amount are no invoices" in told.output
    assert inbox.rows("select number, tax_amount::varchar from exports_invoices") == [
        ("R1", "228.10")
    ]


def test_japanese_invoices_need_no_more_than_their_currency(inbox, client):
    (client / "請求書.csv").write_bytes(
        "請求書番号,請求日,顧客名,小計,消費税\nA-1,2026/03/05,株式会社山田,100000,10000\n".encode(
            "cp932"
        )
    )
    assert "--currency" in refused(client)
    run(client, "--currency", "jpy")
    assert inbox.rows("select net_amount, currency from exports_invoices") == [(100000, "JPY")]
    assert inbox.rows("select count(*) from files_qing_qiu_shu") == [(1,)]


@pytest.mark.parametrize(
    ("header", "value", "told"),
    [
        ("Preis CHF", "1.50", "CHF, header 'Preis CHF'"),
        ("Preis", "£1.50", "GBP, each value of 'Preis' has £"),
        ("Preis,Geld", "1.50,PLN", "geld, each value of 'Geld' is a currency: PLN"),
        ("Preis", "$1.50", None),  # dollars of which country
        ("Preis (EUR),Fee (USD)", "1.50,2.50", None),
    ],
)
def test_a_currency_is_taken_from_what_the_file_says(inbox, client, header, value, told):
    (client / "x.csv").write_text(f"order_id,{header}\n1,{value}\n")
    output = run(client, "--dry-run").output
    assert f"currency: {told}" in output if told else "currency:" not in output


def test_a_number_that_begins_anew_in_each_file_is_no_key(inbox, client):
    for month in ("01", "02"):
        (client / f"kasse_{month}.csv").write_text(f"Nr;Was\n1;Stift {month}\n2;Block {month}\n")
    line = refused(client)
    assert "'Nr' only counts the rows; say --key Nr or --key Was or --key none" in line
    run(client, "--key", "Was")
    assert inbox.rows("select count(*) from files_kasse") == [(4,)]


def test_a_key_that_rows_share_is_refused(inbox, client):
    (client / "log.csv").write_text("who,day\nA,2026-01-01\nA,2026-01-02\n")
    assert "2 rows whose key another row of the same file has" in refused(client, "--key", "who")


def test_the_newer_of_two_exports_holds(inbox, client):
    (client / "a_1.csv").write_text("order_id,state\n7,paid\n8,open\n")
    (client / "a_2.csv").write_text("order_id,state\n7,open\n")
    os.utime(client / "a_2.csv", (1, 1))
    told = run(client)
    assert "3 rows in 2 files, 2 without those that several files have" in told.output
    assert inbox.rows("select state from files_a where order_id = 7") == [("paid",)]


def test_the_same_file_twice_counts_once(inbox, client):
    for name in ("a.csv", "a copy.csv"):
        (client / name).write_text("order_id,amount\n1,2.00\n")
    told = run(client)
    assert "a copy.csv: passed over: its content is that of" in told.output
    assert inbox.rows("select count(*) from files_a") == [(1,)]


def test_files_of_one_name_in_two_folders_are_all_loaded(inbox, client):
    for n, folder in enumerate(("Ä & b", "b")):
        (client / folder).mkdir()
        (client / folder / "export.csv").write_text(f"order_id,x\n{n},a\n")
    assert run(client).exit_code == 0
    assert inbox.rows("select count(*) from files_export") == [(2,)]
    (client / "b/export.csv").write_text("other_id,y\n1,a\n")
    assert "one name for both tables: export" in refused(client)


def test_a_workbook_whose_sheets_differ_is_read_by_the_sheet_that_is_said(inbox, client):
    sheets = {
        "Zeiten": [
            row(1, text("A1", "Datum"), text("B1", "Kunde"), text("C1", "Stunden")),
            row(2, text("A2", "2026-03-02"), text("B2", "Nord"), number("C2", 1.5)),
        ],
        "Sätze": [
            row(1, text("A1", "Kunde"), text("B1", "Satz")),
            row(2, text("A2", "Nord"), number("B2", 90)),
        ],
    }
    (client / "Auswertung 2026.xlsx").write_bytes(xlsx(sheets))
    assert "say --sheet Zeiten or --sheet Sätze" in refused(client)
    run(client, "--sheet", "Zeiten")
    assert inbox.rows("select minutes from exports_time_entries") == [(90,)]


def test_running_it_twice_changes_nothing(inbox, client, stack_home):
    (client / "orders.csv").write_text("order_id,amount\n1,2.00\n")
    run(client)
    declared = (stack_home / "files/orders.yml").stat()
    told = run(client)
    assert told.exit_code == 0, told.output
    assert (stack_home / "files/orders.yml").stat().st_mtime_ns == declared.st_mtime_ns
    assert inbox.rows("select count(*) from files_orders") == [(1,)]


def test_a_table_that_another_declaration_is_for_is_refused(inbox, client, stack_home):
    (stack_home / "files").mkdir()
    (stack_home / "files/mine.yml").write_text("tables: [orders]\nread: {key: [order_id]}\n")
    (client / "orders.csv").write_text("order_id,amount\n1,2.00\n")
    assert "mine.yml: found a declaration of the table orders" in refused(client)


def test_what_is_not_there_or_holds_no_rows_is_one_line(inbox, client, stack_home):
    assert "no such file or folder" in refused(client / "nope")
    (client / "logo.png").write_text("x")
    assert "no file whose name ends as one that can hold rows" in refused(client)
    (client / "kopf.csv").write_text("a;b\n")
    assert "no file that can be read" in refused(client)
    assert "--currency CODE" in run("--help").output
    waiting = inbox.drop("orders.csv", "order_id\n1\n")
    assert "a file of the inbox" in refused(waiting)
