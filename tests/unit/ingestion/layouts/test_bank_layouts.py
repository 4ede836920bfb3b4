"""Bank layouts: each has a sample, recognised by its content and read without loss."""

from collections import Counter
from decimal import Decimal

import pytest

from ingestion.layouts import layouts, recognise
from ingestion.layouts.layout import UNIFORM
from ingestion.layouts.recognition import claims, peek
from support.bank_layouts import SAMPLES, expected, overlapping, read, sample
from support.layouts import sample_of

ALL = {layout.name: layout for layout in layouts()}
SAMPLED = sorted(name for name in ALL if (SAMPLES / f"{name}.expected.yml").is_file())
BANKS = sorted(name for name in SAMPLED if ALL[name].group == "banks")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("samples")


def test_every_layout_has_a_sample_here_or_among_the_others():
    assert sorted(name for name in ALL if name not in SAMPLED and sample_of(name) is None) == []
    assert all((SAMPLES / f"{name}.csv").is_file() for name in SAMPLED)
    assert set(SAMPLED) <= ALL.keys()


@pytest.mark.parametrize("name", sorted(ALL))
def test_no_other_layout_claims_its_headers(name):
    for header in ALL[name].headers:
        names = [column.replace("XXX", "EUR") for column in header]
        assert {layout.name for _, layout in claims(names)} == {name}
        assert {layout.name for _, layout in claims([*names, "Anything else"])} <= {name}
        assert recognise(names) is ALL[name]


@pytest.mark.parametrize("name", SAMPLED)
def test_a_sample_is_recognised_by_its_content(name, folder):
    assert sample(name, folder).layout.name == name
    assert peek((SAMPLES / f"{name}.csv").read_bytes()[:65536]) is ALL[name]


@pytest.mark.parametrize("name", SAMPLED)
def test_a_sample_is_read_as_expected(name, folder):
    found, wanted = sample(name, folder), expected(name)
    assert len(found.rows) == wanted["rows"]
    assert len(found.parsed.aside) == wanted.get("left_out", 0)
    assert [row for row in found.parsed.aside if not row.expected] == []
    assert list(found.parsed.breaks) == wanted.get("breaks", [])
    if "sum" in wanted:
        amounts = [row[wanted.get("amount", "amount_signed")] for row in found.rows]
        assert sum(a for a in amounts if a is not None) == Decimal(wanted["sum"])
    if "days" in wanted:
        days = [row[wanted.get("day", "booking_day")] for row in found.rows]
        assert [min(days), max(days)] == wanted["days"]
    for some in wanted["has"]:
        assert any(_agree(row, some) for row in found.rows), (some, found.rows)
    if found.layout.occurrence:
        assert len(found.by_key()) == len(found.rows)


def _agree(row, some):
    return all(_same(row[name], value) for name, value in some.items())


def _same(found, value):
    if isinstance(found, Decimal) or (isinstance(value, str) and isinstance(found, int)):
        return value is not None and found == Decimal(value)
    return found == value


@pytest.mark.parametrize("name", SAMPLED)
def test_exports_that_overlap_give_each_row_once(name, folder):
    first, second = overlapping(name, folder / "cut" / name)
    one = read(first, folder / "cut" / name / "1")
    two = read(second, folder / "cut" / name / "2", one)
    merged = {**one.by_key(), **two.by_key()}
    whole = sample(name, folder).by_key()
    assert Counter(_texts(row) for row in merged.values()) == Counter(map(_texts, whole.values()))
    if ALL[name].primary_key:
        assert merged.keys() == whole.keys()
        assert len(one.rows) + len(two.rows) > len(whole)


def _texts(row):
    """A row as it is compared: a column that one file lacks is null, 1 is 1.00."""
    return tuple(
        sorted(
            (name, str(Decimal(value).normalize() if type(value) in (int, Decimal) else value))
            for name, value in row.items()
            if value is not None
        )
    )


@pytest.mark.parametrize("name", BANKS)
def test_banks_have_the_same_columns(name, folder):
    found, without = sample(name, folder), ALL[name].without
    assert UNIFORM.keys() - found.types.keys() == without.keys()
    assert found.types["booking_day"] == "DATE"
    assert found.types["amount_signed"] == "DECIMAL(18,6)"
    assert all(row["booking_day"] is not None for row in found.rows)
    if "currency" not in without:
        assert {len(row["currency"]) for row in found.rows} == {3}
