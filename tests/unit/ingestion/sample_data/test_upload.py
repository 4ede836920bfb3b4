"""The sample books in an fsspec folder such as a bucket."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ingestion.sample_data import write_sample_data
from ingestion.sample_data.cli import sample_data
from ingestion.sample_data.upload import upload_sample_data

SIZE = 1000


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.fixture
def url(stack_home, tmp_path) -> str:
    return f"{tmp_path}/bucket/exports/books"


@pytest.fixture
def expected(tmp_path) -> dict[str, bytes]:
    write_sample_data(tmp_path / "expected", SIZE)
    return contents(tmp_path / "expected")


def test_the_same_files_as_on_one_machine_are_uploaded(url, expected):
    done = CliRunner().invoke(sample_data, ["--to", url, "--size", str(SIZE)])
    assert done.exit_code == 0
    assert contents(Path(url)) == expected
    assert f"{url}: " in done.stdout


def test_an_upload_that_broke_off_is_completed(url, expected):
    upload_sample_data(url, SIZE)
    (Path(url) / "payments.json").unlink()
    (Path(url) / "invoices" / "2024.csv").unlink()
    assert upload_sample_data(url, SIZE)
    assert contents(Path(url)) == expected


def test_a_folder_with_the_users_own_exports_is_left_alone(url):
    Path(url).mkdir(parents=True)
    (Path(url) / "invoices_of_mine.csv").write_text("invoice_id\n1\n")
    assert upload_sample_data(url, SIZE) is None
    assert [f.name for f in Path(url).iterdir()] == ["invoices_of_mine.csv"]


def test_a_complete_folder_is_left_alone(url):
    upload_sample_data(url, SIZE)
    changed = Path(url) / "payments.json"
    changed.write_text("[]")
    assert upload_sample_data(url, SIZE) is None
    assert changed.read_text() == "[]"
