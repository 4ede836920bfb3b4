"""Each export layout reads its sample into the expected rows in the file beside it."""

import pytest

from ingestion.layouts import layouts
from ingestion.layouts.recognition import claims
from support.bank_layouts import SAMPLES as SAMPLES_OF_BANKS
from support.layouts import BOOKS, SAMPLES, ReadSample, expected_of, sample_of

# Those of banks have samples and a test of their own.
LAYOUTS = {
    layout.name: layout
    for layout in layouts()
    if not (SAMPLES_OF_BANKS / f"{layout.name}.csv").is_file()
}
IN_FILES = pytest.mark.parametrize("name", LAYOUTS)
REFERENCES = {
    "projects": [("client_id", "clients")],
    "time_entries": [("project_id", "projects")],
    "invoices": [("client_id", "clients"), ("project_id", "projects")],
}
KEYS = {
    "clients": "client_id",
    "projects": "project_id",
    "time_entries": "time_entry_id",
    "invoices": "invoice_id",
    "payments": "payment_id",
}


@IN_FILES
def test_a_sample_is_recognised_by_its_content_and_gives_the_expected_rows(name, tmp_path):
    sample = sample_of(name)
    assert sample is not None, f"write {SAMPLES}/{name}.csv, a file as the tool writes it"
    read = ReadSample(sample, tmp_path)
    assert read.layout.name == name
    observed = {key: value for key, value in read.observed().items() if value or key == "rows"}
    assert observed == expected_of(name)


@IN_FILES
def test_no_other_layout_claims_a_header(name):
    layout = LAYOUTS[name]
    for header in layout.headers:
        for seen in (header, (*header, "a column of next year")):
            claiming = {claimed.name for _, claimed in claims(seen)}
            assert claiming <= {name}, f"{', '.join(header)[:80]} is claimed by {claiming}"
        assert claims(header)


@IN_FILES
def test_a_layout_names_columns_that_it_has(name):
    layout = LAYOUTS[name]
    assert set(layout.key) <= layout.known().keys()
    assert layout.notes
    for table, rows in layout.feeds.items():
        assert set(rows.columns) <= BOOKS[table], f"{table} of the books has no such column"
        assert "updated_at" in rows.columns


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if layout.feeds])
def test_fed_rows_are_what_the_books_staging_tests_ask_for(name, tmp_path):
    sample = sample_of(name)
    assert sample is not None
    fed, _ = ReadSample(sample, tmp_path).fed
    for table, rows in fed.items():
        if key := KEYS.get(table):
            keys = [row[key] for row in rows]
            assert None not in keys
            assert len(set(keys)) == len(keys)
        for column, of in REFERENCES.get(table, []):
            there = {row[KEYS[of]] for row in fed.get(of, [])}
            assert {row[column] for row in rows} - {None} <= there, f"{table}.{column}"
    assert all(len(row["currency"]) == 3 and row["name"] for row in fed.get("clients", []))
    assert all(1 <= row["minutes"] <= 1440 for row in fed.get("time_entries", []))
    for row in fed.get("invoices", []):
        assert row["number"]
        assert row["due_on"] >= row["issued_on"]
        assert (row["net_amount"] >= 0) == (row["kind"] == "invoice")
        assert row["tax_amount"] is not None
        assert (row["kind"] == "credit_note") == (row["credits_invoice_id"] is not None)
    assert all(row["amount"] > 0 for row in fed.get("payments", []))
    assert all(row["eur_per_unit"] > 0 for row in fed.get("exchange_rates", []))


def test_every_sample_is_of_a_layout():
    names = {file.name.removesuffix(".expected.yml") for file in SAMPLES.glob("*.expected.yml")}
    assert names <= LAYOUTS.keys()
