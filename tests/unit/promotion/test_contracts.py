"""What locations of different commits need from each other, in a real repository."""

import shutil

import pytest

from scripts.chart_values_page import ROOT
from scripts.promotion.contracts import MARTS, RAW, REPORTS, RESULTS, SUITES, misfits, read_contract
from scripts.promotion.images import Image, PromotionError
from stack.raw import raw_tables
from support.promotion import LOCATIONS, NEW, be_nobody, git, repository

BOOKS = """\
source: books
owner: team:books
loader: dlt
tables:
  invoices:
    columns:
      invoice_id: "bigint: Number."
      amount: "decimal(18,2): Amount."
"""
EXPORTS = "source: exports\nowner: o\nloader: l\nlike: books\n"
MART = """\
models:
  - name: cash_in
    columns: [{name: paid_month}, {name: received_eur}]
"""
SUITE = """\
key: [paid_month]
rows:
  - expect_column_values_to_not_be_null: {column: [received_eur]}
"""
REPORT = """\
class LoadReport(Artifact):
    loader: str
    seconds: float = 0.0
class Outcome(StrEnum):
    LOADED = "loaded"
"""
RESULT = "class ValidationResult(_Part):\n    success: bool\n"
REPORT_BEFORE = "class LoadReport(_Model):\n    loader: str\n"
OLDEST = "    oldest: ClassVar[int] = 2\n    format: int = 3\n    seconds"
FILES = {
    f"{RAW}/books.yml": BOOKS,
    f"{RAW}/exports.yml": EXPORTS,
    f"{MARTS}/_marts.yml": MART,
    f"{SUITES}/cash_in.yml": SUITE,
    REPORTS[0]: REPORT,
    RESULTS[0]: RESULT,
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    be_nobody(monkeypatch)
    git(tmp_path, "init", "--quiet")
    committed(tmp_path, FILES)
    return tmp_path


def committed(root, files):
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "Change")
    return git(root, "rev-parse", "HEAD").strip()


def told(root, file, old, new, *newer):
    """Misfits where only the `newer` locations have a file's changed text."""
    first = git(root, "rev-parse", "HEAD").strip()
    assert old in FILES[file]
    second = committed(root, {file: FILES[file].replace(old, new)})
    images = {
        name: Image(repository=name, tag="1", digest=NEW, commit=second if name in newer else first)
        for name in LOCATIONS
    }
    return list(misfits(images, repository(root)))


RAW_FILE, MART_FILE, SUITE_FILE = f"{RAW}/books.yml", f"{MARTS}/_marts.yml", f"{SUITES}/cash_in.yml"
VAT = '      vat: "bigint: VAT."\n'


@pytest.mark.parametrize(
    ("change", "newer", "says"),
    [
        ((RAW_FILE, BOOKS, BOOKS + VAT), ("transformation",),
         "transformation 111111111111 needs the column raw.books_invoices.vat, "
         "which is not given by ingestion 111111111111"),
        ((RAW_FILE, BOOKS, BOOKS + VAT), ("transformation",), "raw.exports_invoices.vat"),
        ((RAW_FILE, "amount:", "total:"), ("ingestion",), "column raw.books_invoices.amount"),
        ((RAW_FILE, "invoices:", "bills:"), ("ingestion",), "needs the table raw.books_invoices"),
        ((RAW_FILE, "decimal(18,2)", "double"), ("quality",),
         "quality 111111111111 needs the column raw.books_invoices.amount as double, "
         "which is given as decimal(18,2) by ingestion"),
        ((MART_FILE, "received_eur", "euros"), ("transformation",),
         "quality 111111111111 needs the column marts.cash_in.received_eur, which is not given by "
         "transformation"),
        ((SUITE_FILE, "paid_month", "month"), ("quality",), "needs the column marts.cash_in.month"),
        ((REPORTS[0], REPORT, REPORT_BEFORE), ("catalog",),
         "catalog 111111111111 knows no LoadReport.seconds in the reports of ingestion"),
        ((REPORTS[0], "    seconds", "    format: int = 2\n    seconds"), ("ingestion",),
         "catalog 111111111111 reads LoadReport of format 1, which is written in format 2 by "
         "ingestion"),
        ((REPORTS[0], "    seconds", OLDEST), ("catalog",),
         "reads LoadReport of format 2 to 3, which is written in format 1 by ingestion"),
        ((REPORTS[0], "LOADED", "KEPT"), ("ingestion",), "knows no Outcome.KEPT in the reports"),
        ((REPORTS[0], "    seconds", "    rows: int\n    seconds"), ("catalog",),
         "needs LoadReport.rows, which is not in the reports of ingestion"),
        ((RESULTS[0], "success", "passed"), ("catalog",),
         "needs ValidationResult.passed, which is not in the results of quality"),
    ],
)  # fmt: skip
def test_a_location_whose_needs_the_others_do_not_meet_is_named(root, change, newer, says):
    assert any(says in line for line in told(root, *change, *newer))


@pytest.mark.parametrize(
    ("change", "newer"),
    [
        ((RAW_FILE, BOOKS, BOOKS + VAT), ("ingestion",)),
        ((RAW_FILE, BOOKS, BOOKS + VAT), LOCATIONS),
        ((MART_FILE, "{name: paid_month}", "{name: paid_month}, {name: n}"), ("transformation",)),
        ((RESULTS[0], "success: bool", "success: bool\n    n: int"), ("quality",)),
        ((REPORTS[0], "    seconds", "    rows: int = 0\n    seconds"), LOCATIONS[1:]),
        ((REPORTS[0], "    seconds", "    rows: int = 0\n    seconds"), ("ingestion",)),
        ((REPORTS[0], "    seconds", OLDEST.replace("2", "1")), LOCATIONS[1:]),
    ],
)
def test_more_than_is_needed_fits(root, change, newer):
    assert told(root, *change, *newer) == []


def test_a_commit_that_is_not_here_is_refused(root):
    images = {
        name: Image(repository=name, tag="1", digest=NEW, commit=str(n) * 40)
        for n, name in enumerate(LOCATIONS, 1)
    }
    with pytest.raises(PromotionError, match=r"no commit 1{40} here"):
        list(misfits(images, repository(root)))


def test_the_stacks_own_contract_is_read_as_it_is(tmp_path, monkeypatch):
    be_nobody(monkeypatch)
    for folder in (RAW, MARTS, SUITES):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in {*REPORTS, *RESULTS}:
        shutil.copyfile(ROOT / file, tmp_path / file)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "as it is")
    found = read_contract(repository(tmp_path), "HEAD")
    assert {table: list(columns) for table, columns in found.raw.items()} == {
        table.table_name: [column.name for column in table.columns] for table in raw_tables()
    }
    assert found.reports["LoadReport"]["loader"] is True
    for table, columns in found.suites.items():
        assert set(columns) <= set(found.marts[table])
