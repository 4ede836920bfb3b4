"""The sample books: deterministic, consistent, and with the flaws of real ones."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from ingestion.sample_data import DEFAULT_SIZE, LAST_DAY, write_sample_data
from ingestion.sample_data.cli import sample_data
from stack.raw import raw_tables

CENT = Decimal("0.01")
READ = {
    "clients": "read_csv('{}/clients/2025-12-31.csv')",
    "projects": "read_json('{}/projects.jsonl')",
    "time_entries": "read_parquet('{}/time_entries/*.parquet')",
    "invoices": "read_csv('{}/invoices/*.csv')",
    "payments": "read_json('{}/payments.json')",
    "exchange_rates": "read_csv('{}/exchange_rates.csv')",
}


class Books:
    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect()
        for table in raw_tables("books"):
            columns = ", ".join(f"{c.name}::{c.type} as {c.name}" for c in table.columns)
            self.connection.execute(
                f"create table {table.name} as select {columns} "
                f"from {READ[table.name].format(folder)}"
            )

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()

    def one(self, query: str):
        return self.rows(query)[0][0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "books"
    write_sample_data(folder)
    return folder


@pytest.fixture(scope="module")
def books(folder) -> Books:
    return Books(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_the_same_size_gives_the_same_files(folder, tmp_path):
    write_sample_data(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)


def test_size_is_the_number_of_time_entries(tmp_path):
    assert write_sample_data(tmp_path / "books", 12_345)["time_entries"] == 12_345
    assert Books(tmp_path / "books").one("select count(*) from time_entries") == 12_345


def test_exports_that_exist_are_left_as_they_are(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "mine.csv").write_text("precious")
    assert write_sample_data(folder) is None
    assert contents(folder) == {"mine.csv": b"precious"}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_size_too_small_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="got 10, but it must be 1000 or more"):
        write_sample_data(tmp_path / "books", 10)
    assert list(tmp_path.iterdir()) == []


def test_keys_are_unique_and_refer_to_rows_that_exist(books):
    for table in raw_tables("books"):
        key = ", ".join(table.primary_key)
        assert books.one(f"select count(*) - count(distinct ({key})) from {table.name}") == 0
    for child, parent, column in [
        ("projects", "clients", "client_id"),
        ("time_entries", "projects", "project_id"),
        ("invoices", "projects", "project_id"),
        ("payments", "invoices", "invoice_id"),
    ]:
        orphans = f"select count(*) from {child} anti join {parent} using ({column})"
        assert books.one(f"{orphans} where {column} is not null") == 0


def test_hourly_invoices_follow_from_the_billable_time(books):
    worked = {
        (project, month): minutes
        for project, month, minutes in books.rows(
            "select project_id, date_trunc('month', worked_on)::date, sum(minutes) "
            "from time_entries where billable group by all"
        )
    }
    invoices = books.rows(
        "select i.project_id, date_trunc('month', i.issued_on - interval 1 month)::date, "
        "i.net_amount, p.hourly_rate from invoices i join projects p using (project_id) "
        "where p.billing = 'hourly' and i.kind = 'invoice'"
    )
    assert len(invoices) > 100
    for project, month, net, rate in invoices:
        hours = Decimal(worked.pop((project, month))) / 60
        assert net == (hours * rate).quantize(CENT, ROUND_HALF_UP)
    unbilled_months = {month for project, month in worked if books.one(
        f"select billing from projects where project_id = {project}") == "hourly"}  # fmt: skip
    assert unbilled_months == {LAST_DAY.replace(day=1)}, "only the last month is still to bill"


def test_domestic_invoices_carry_tax_and_others_none(books):
    for country, net, tax in books.rows(
        "select country, net_amount, tax_amount from invoices join clients using (client_id) "
        "where kind = 'invoice'"
    ):
        rate = Decimal("0.19") if country == "DE" else Decimal(0)
        assert tax == (net * rate).quantize(CENT, ROUND_HALF_UP)


def test_nobody_pays_more_than_is_owed_and_some_pay_in_parts(books):
    owed = books.rows(
        "with credit as (select credits_invoice_id as invoice_id, "
        "sum(net_amount + tax_amount) as amount from invoices where kind = 'credit_note' "
        "group by all), paid as (select invoice_id, sum(amount) as amount, count(*) as parts "
        "from payments group by all) "
        "select i.net_amount + i.tax_amount + coalesce(c.amount, 0), paid.amount, paid.parts "
        "from invoices i left join credit c using (invoice_id) join paid using (invoice_id)"
    )
    assert all(paid <= due for due, paid, _ in owed)
    assert {parts for *_, parts in owed} == {1, 2}
    assert sum(paid == due for due, paid, _ in owed) > 0.9 * len(owed)


def test_the_warts_of_real_books_are_there(books):
    overdue = (
        f"select count(*) from invoices i anti join payments using (invoice_id) "
        f"where kind = 'invoice' and due_on < date '{LAST_DAY}'"
    )
    assert books.one(overdue) >= 3
    late = "select count(*) from payments join invoices using (invoice_id) where paid_on > due_on"
    assert books.one(f"{late} + 30") >= 5
    assert books.one("select count(*) from invoices where kind = 'credit_note'") >= 1
    assert {c for (c,) in books.rows("select distinct currency from invoices")} == {"EUR", "USD"}
    assert books.one("select count(*) from time_entries where project_id is null") > 100
    assert books.one("select count(*) from time_entries where project_id is null and billable") == 0
    assert books.one(
        "select count(*) from time_entries where project_id is not null and not billable"
    )  # fmt: skip
    assert {b for (b,) in books.rows("select distinct billing from projects")} == {
        "hourly", "fixed", "retainer",
    }  # fmt: skip


def test_receivables_of_the_last_day_are_of_every_age(books):
    ages = {
        min(days // 30, 3)
        for (days,) in books.rows(
            f"select date '{LAST_DAY}' - due_on from invoices anti join payments "
            f"using (invoice_id) where kind = 'invoice' and due_on <= date '{LAST_DAY}'"
        )
    }
    assert ages == {0, 1, 2, 3}


def test_one_client_is_renamed_between_two_exports(folder):
    former, present = (
        dict(
            duckdb.sql(
                f"select client_id, name from read_csv('{folder}/clients/{day}.csv')"
            ).fetchall()
        )
        for day in ("2025-03-31", "2025-12-31")
    )
    renamed = {c: (former[c], present[c]) for c in former if former[c] != present[c]}
    assert list(renamed.values()) == [("Delta Museum", "Stiftung Delta Museum")]


def test_there_is_work_in_each_month_and_rates_for_each(books):
    assert (
        books.one("select count(distinct date_trunc('month', worked_on)) from time_entries") == 36
    )
    assert books.one("select count(*) from exchange_rates") == 36
    first, last = books.rows("select min(worked_on), max(worked_on) from time_entries")[0]
    assert first < date(2023, 1, 7)
    assert LAST_DAY - timedelta(days=10) < last <= LAST_DAY
    assert books.one("select count(*) from payments where paid_on > date '2025-12-31'") == 0


def said(*arguments: str) -> str:
    result = CliRunner().invoke(sample_data, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_the_command_writes_once_and_says_what(stack_home):
    assert f"{DEFAULT_SIZE:,} time entries" in said()
    written = contents(stack_home / "exports" / "books")
    assert "left as they are" in said("--size", "5000")
    assert contents(stack_home / "exports" / "books") == written


def test_the_command_leaves_the_users_own_exports_alone(stack_home, monkeypatch):
    monkeypatch.setenv("BOOKS_URL", "s3://bucket/books")
    assert "no sample data written" in said()
    assert not stack_home.exists()
