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


def test_one_file_that_is_refused_stops_none_of_the_others(tmp_path):
    page, good = tmp_path / "page.csv", tmp_path / "good.csv"
    page.write_text("<!DOCTYPE html><html></html>")
    good.write_text("id\n1\n")
    told = CliRunner().invoke(profile, ["--json", str(page), str(good)])
    refused, read = map(json.loads, told.stdout.splitlines())
    assert told.exit_code == 1
    assert "web page" in refused["refused"]
    assert [(c["name"], c["type"]) for c in read["columns"]] == [("id", "BIGINT")]
