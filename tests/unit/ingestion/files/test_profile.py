"""What `stack profile` says about a file before anything is loaded."""

import json

from click.testing import CliRunner

from ingestion.profile_cli import profile

KONTO = (
    '"Girokonto";"DE00"\n\n"Buchungsdatum";"Empfänger";"Betrag (€)"\n'
    '"24.11.26";"Nord GmbH";"-12,50"\n"23.11.26";"Süd AG";"1.000,00"\n"Summe";"";"987,50"\n'
)


def test_it_says_how_a_file_is_read_and_what_to_compare_with_what_one_knows(tmp_path):
    file = tmp_path / "konto.csv"
    file.write_text(KONTO, encoding="cp1252")
    told = CliRunner().invoke(profile, [str(file)])
    assert told.exit_code == 0
    for words in (
        "encoding: cp1252: it isn't UTF-8",
        "delimiter: a semicolon",
        "header: line 3",
        "rows: 2 of 3",
        "buchungsdatum ('Buchungsdatum'): date, dd.mm.yy; 2 different, 2026-11-23 to 2026-11-24",
        "betrag_eur ('Betrag (€)'): decimal(18,2), number as -1.234,5; 2 different, "
        "-12.50 to 1000.00, sum 987.50",
        "not loaded: line 6 is empty, or a total of the rows above",
    ):
        assert words in told.stdout
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_of_a_known_layout_is_read_by_its_rules_as_it_is_when_loaded(tmp_path):
    """By itself the block of totals above the header is taken for a table of its own."""
    file = tmp_path / "bank.csv"
    file.write_text(
        "Description,,Summary Amt.\n"
        'Beginning balance as of 11/01/2026,,"1,000.00"\n'
        'Total credits,,"500.00"\nTotal debits,,"-20.00"\n'
        'Ending balance as of 11/30/2026,,"1,480.00"\n\n'
        "Date,Description,Amount,Running Bal.\n"
        '11/01/2026,Beginning balance as of 11/01/2026,,"1,000.00"\n'
        '11/02/2026,Nord,"500.00","1,500.00"\n11/03/2026,Fuel,"-20.00","1,480.00"\n'
    )
    told = CliRunner().invoke(profile, [str(file)])
    assert told.exit_code == 0, told.stdout
    for words in (
        "layout: Bank of America, checking and savings",
        "rows: 2 of 3",
        "date ('Date'): date, ",
        "amount ('Amount'): decimal(18,2), ",
        "currency: varchar, the layout adds it",
    ):
        assert words in told.stdout, told.stdout


def test_one_file_that_is_refused_stops_none_of_the_others(tmp_path):
    page, good = tmp_path / "page.csv", tmp_path / "good.csv"
    page.write_text("<!DOCTYPE html><html></html>")
    good.write_text("id\n1\n")
    told = CliRunner().invoke(profile, ["--json", str(page), str(good)])
    refused, read = map(json.loads, told.stdout.splitlines())
    assert told.exit_code == 1
    assert "web page" in refused["refused"]
    assert [(c["name"], c["type"]) for c in read["columns"]] == [("id", "BIGINT")]
