"""`stack connect`: a client's files become a table, from what they prove and what the user says."""

from decimal import Decimal

from ingestion.connect.questions import ConnectError
from support.connecting import refused, run

HOURS = "Datum;Kunde;Projekt;Stunden\n02.03.2026;Nord;Web;1,50\n02.03.2026;Nord;Web;1,50\n"
INVOICES = (
    "Nr;Rechnungsnummer;Rechnungsdatum;Kunde;Netto;MwSt\n1;R-1;05.03.2026;Nord;100,00;19,00\n"
)


def test_hours_and_invoices_fill_the_books_and_share_their_clients(inbox, client, stack_home):
    (client / "stunden_2026-03.csv").write_text(HOURS)
    (client / "rechnungen.csv").write_text(INVOICES)
    told = run(client, "--rate", "95", "--currency", "EUR")
    assert told.exit_code == 0, told.output
    assert "stunden ('Stunden'): decimal(18,2)" in told.output
    assert "sum 3.00" in told.output
    assert {f.name for f in (stack_home / "files").iterdir()} == {"stunden.yml", "rechnungen.yml"}
    hours = inbox.rows("select minutes, count(*) from exports_time_entries group by all")
    assert hours == [(90, 2)]
    assert inbox.rows("select name, hourly_rate from exports_projects") == [("Web", Decimal("95"))]
    assert inbox.rows("select name from exports_clients") == [("Nord",)]
    found = inbox.rows(
        "select number, net_amount, tax_amount, issued_on::varchar, c.name "
        "from exports_invoices join exports_clients as c using (client_id)"
    )
    assert found == [("R-1", Decimal("100.00"), Decimal("19.00"), "2026-03-05", "Nord")]


def test_an_export_that_overlaps_adds_only_what_is_new(inbox, client):
    (client / "stunden.csv").write_text(HOURS)
    run(client)
    inbox.drop("stunden/later.csv", HOURS + "03.03.2026;Nord;Web;2,00\n")
    inbox.process()
    assert inbox.rows("select count(*), sum(stunden) from files_stunden") == [(3, Decimal("5.00"))]


def test_what_nothing_decides_has_to_be_said_before_anything_is_written(inbox, client, stack_home):
    (client / "a.csv").write_text("day,hours\n03/04/26,1.5\n05/06/26,2.5\n")
    told = run(client)
    assert isinstance(told.exception, ConnectError)
    assert "say --dates dmy or --dates mdy" in str(told.exception)
    assert not (stack_home / "files").exists()
    assert inbox.waiting() == {}
    assert run(client, "--dates", "mdy").exit_code == 0
    assert inbox.rows("select min(worked_on)::varchar from exports_time_entries") == [
        ("2026-03-04",)
    ]


def test_an_amount_that_may_be_with_or_without_tax_is_no_invoice_by_itself(inbox, client):
    (client / "re.csv").write_text("invoice_no,invoice_date,client,net\n1,2026-03-01,A,10.00\n")
    assert "--as invoices or --as none" in refused(client)
    assert "--column tax=0" in refused(client, "--as", "invoices")
    run(client, "--as", "invoices", "--column", "tax=0", "--currency", "EUR")
    assert inbox.rows("select net_amount, tax_amount from exports_invoices") == [(10, 0)]


def test_a_key_is_a_column_that_is_called_so_and_has_no_value_twice(inbox, client, stack_home):
    (client / "orders.csv").write_text("order_id,amount\n1,2.00\n2,2.00\n")
    assert "key order_id" in run(client).output
    inbox.drop("orders/again.csv", "order_id,amount\n2,3.00\n3,4.00\n")
    inbox.process()
    assert inbox.rows("select sum(amount) from files_orders") == [(Decimal("9.00"),)]


def test_a_known_layout_needs_no_declaration(inbox, client, stack_home):
    header = "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,"
    row = "A,a@x.org,Nord,Web,,x,Yes,2026-03-02,09:00:00,2026-03-02,10:00:00,01:00:00,\n"
    (client / "odd name.csv").write_text(f"{header}End time,Duration,Tags\n{row}")
    told = run(client)
    assert "a layout knows these files" in told.output
    assert not (stack_home / "files").exists()
    assert inbox.rows("select minutes from exports_time_entries") == [(60,)]


def test_a_column_that_is_not_there_and_a_declaration_of_another_kind_are_named(inbox, client):
    (client / "orders.csv").write_text("order_id,amount\n1,2.00\n")
    wrong = run(client, "--key", "nr").exception
    assert "nr" in str(wrong)
    assert "order_id, amount" in str(wrong)
    run(client)
    (client / "orders.csv").write_text("order_id,total\n1,2.00\n")
    assert "another declaration" in str(run(client).exception)


def test_a_file_that_is_refused_is_named_and_the_others_are_connected(inbox, client):
    (client / "page.csv").write_text("<html></html>")
    (client / "orders.csv").write_text("order_id,amount\n1,2.00\n")
    told = run(client)
    assert "web page" in told.output
    assert inbox.rows("select count(*) from files_orders") == [(1,)]
