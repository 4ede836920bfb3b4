"""Random lists of an API, loaded twice, are read back as they were."""

import json
from datetime import date, datetime
from decimal import Decimal

import pytest
import simplejson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.files.conform import Remembered
from ingestion.files.json_records import loads
from ingestion.files.records import as_text
from ingestion.loading import read_state
from support.examples import examples
from support.http_server import http_server
from support.lists import Lists, Source

TABLES = 4
EXAMPLES = examples(12)
ROWS = 6

KEYS = st.one_of(
    st.sampled_from(["clientId", "client_id", "Client ID", "CLIENT_ID", "vat", "VAT", "VAT %"]),
    st.sampled_from(["a", "A", "ß", "ä", "", " ", "1", "_", "a.b", "a__b", "select", "id2", "値"]),
    st.text(max_size=8),
).filter(lambda key: key != "id" and key.isprintable() and not key.startswith("_dlt"))
NUMBERS = st.one_of(
    st.integers(-(10**40), 10**40),
    st.integers(-9, 9),
    st.sampled_from([2**53 + 1, 2**63, -(2**63), 2**64, 10**18, 10**19]),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=2),
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "01067", "2026-01-05", "2026-02-30", "true", "1.5", "1e5", "NaN", "null", "{}",
         "2026-01-05T10:00:00Z", "2026-01-05 10:00", "2026-01-05T10:00:00.1234567Z", "0001-01-01",
         "2026-01-05T10:00:00+02:00", "9999-12-31", "\x00", "a\nb", "\ufeff", "24:00"]
    ),
)  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.one_of(
    SCALARS,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=4,
    ),
)
# What most columns are: values of one kind, and at times one of another.
KINDS = [
    NUMBERS, TEXTS, VALUES, st.booleans(), st.integers(-(10**6), 10**6),
    st.decimals(-1000, 1000, places=2), st.dates().map(str),
    st.datetimes().map(lambda time: f"{time.isoformat()}Z"), st.just("") | st.dates().map(str),
]  # fmt: skip


@st.composite
def lists(draw):
    """Rows by id, two loads of them."""
    fields = draw(st.lists(KEYS, max_size=4, unique=True))
    kinds = {field: draw(st.sampled_from(KINDS)) for field in fields}
    messy = {field: not draw(st.integers(0, 3)) for field in fields}

    def row(number):
        row = {"id": number}
        for field, kind in kinds.items():
            if draw(st.integers(0, 9)):
                row[field] = draw(st.one_of(kind, kind, VALUES) if messy[field] else kind)
            elif draw(st.booleans()):
                row[field] = None
        return row

    first = [row(n) for n in range(draw(st.integers(0, ROWS)))]
    second = [row(n) for n in range(draw(st.integers(0, ROWS)), ROWS)]
    return first, second


def is_it(value, got) -> bool:  # noqa: PLR0911 one for each type
    """Whether a column's value is the one that the API gave."""
    if value is None or got is None:
        return value is None and got is None
    if isinstance(value, dict | list):
        return same_json(value, got)
    kind, text = as_text(value)
    if isinstance(got, datetime):
        found = datetime.fromisoformat(text.replace("UTC", "Z"))
        return found.replace(tzinfo=None) == got if got.tzinfo is None else found == got
    if isinstance(got, date):
        return text == got.isoformat()
    if isinstance(got, bool):
        return value is got
    if kind == "number":
        return not isinstance(got, bool) and Decimal(str(got)) == Decimal(value)
    if text == got:
        return True
    # Text that was a time once: its column was widened later.
    return as_instant(text) is not None and as_instant(text) == as_instant(got)


def same_json(value, got) -> bool:
    found = loads(got)
    written = simplejson.dumps(value, use_decimal=True)
    return found == loads(written)


def as_instant(text):
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.isoformat()


def body(rows) -> str:
    return simplejson.dumps(rows, use_decimal=True)


@pytest.mark.parametrize("warehouses", ["duckdb", "ducklake"], indirect=True)
def test_lists_of_any_values_read_back(warehouses, stack_home, tmp_path):
    served = Lists()
    number = 0

    @settings(
        max_examples=EXAMPLES if warehouses == "duckdb" else max(2, EXAMPLES // 3),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(lists(), min_size=1, max_size=TABLES))
    def check(tables):
        nonlocal number
        number += 1
        source = Source(tmp_path / f"declared{number}", f"api{number}")
        names = [f"t{n}" for n in range(len(tables))]
        source.declare_api(server.url, *names)
        for load in (0, 1):
            served.bodies = {n: body(t[load]) for n, t in zip(names, tables, strict=True)}
            assert source.load().failed == {}
        columns = read_state(source.name)["columns"]
        for name, (first, second) in zip(names, tables, strict=True):
            expected = {row["id"]: row for row in (*first, *second)}
            memory = {column: Remembered(*told) for column, told in columns[name].items()}
            verify(source, name, expected, memory)

    with http_server(served) as server:
        check()


def verify(source, table, expected, memory) -> None:
    found = source.types(table)
    assert not [name for name in found if "__v_" in name]
    by_header = {told.header: column for column, told in memory.items()}
    assert len(by_header) == len(memory)
    picked = ", ".join(f'"{column}"' for column in found)
    rows = {row[0]: dict(zip(found, row, strict=True)) for row in source.rows(table, picked)}
    assert rows.keys() == expected.keys()
    for key, row in expected.items():
        for header, value in row.items():
            if header not in by_header:
                assert value is None or header.strip() == "", header
                continue
            got = rows[key][by_header[header]]
            assert is_it(value, got), json.dumps([header, str(value), str(got), found], indent=1)
