"""Parquet types that DuckDB would cut off are refused, and others are kept."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.files.errors import UnreadableFileError
from support.parsing import connected, read

AT = 1_767_601_800_000_000_000  # 2026-01-05 08:30
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 Parquet has none here


def parquet(column: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"at": column}), out, version="2.6")
    return out.getvalue()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array([AT], pa.timestamp("ns")), datetime.fromisoformat("2026-01-05T08:30")),
        (
            pa.array([AT], pa.timestamp("ns", tz="Europe/Berlin")),
            datetime(2026, 1, 5, 8, 30, tzinfo=UTC),
        ),
        (pa.array([30_600_000_000_000], pa.time64("ns")), time(8, 30)),
    ],
)  # fmt: skip
def test_a_time_in_nanoseconds_is_read_if_it_has_none(tmp_path, column, value):
    table = read(connected(), tmp_path, parquet(column))
    assert str(table.rows[0][0]) == str(value)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([AT, AT + 1], pa.timestamp("ns")),
        pa.array([AT, None, AT + 1], pa.timestamp("ns", tz="Europe/Berlin")),
        pa.array([30_600_000_000_001], pa.time64("ns")),
    ],
)
def test_nanoseconds_are_refused_rather_than_cut_off(tmp_path, column):
    with pytest.raises(UnreadableFileError, match="column at: it has nanoseconds"):
        read(connected(), tmp_path, parquet(column))


@pytest.mark.parametrize("nested", [False, True])
def test_decimals_of_too_many_digits_are_refused_rather_than_rounded(tmp_path, nested):
    amount = Decimal("12345678901234567890123456789012345678901234.5")
    column = pa.array([amount], pa.decimal256(50, 1))
    if nested:
        column = pa.StructArray.from_arrays([column], ["amount"])
    with pytest.raises(UnreadableFileError, match="column at: its decimals have 50 digits"):
        read(connected(), tmp_path, parquet(column))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_are_read_as_those_of_a_workbook(tmp_path, unit):
    found = [timedelta(hours=27, minutes=30), -timedelta(minutes=5), None]
    table = read(connected(), tmp_path, parquet(pa.array(found, pa.duration(unit))))
    assert table.types == ["VARCHAR"]
    assert [row[0] for row in table.rows] == ["27:30:00", "-0:05:00", None]


def test_parts_of_a_second_are_kept(tmp_path):
    table = read(connected(), tmp_path, parquet(pa.array([90_050], pa.duration("ms"))))
    assert table.rows == [("0:01:30.05",)]


def of_spark(*moments: datetime, nanoseconds: int = 0) -> bytes:
    """A file with moments as INT96, also those that pyarrow can't write."""

    def int96(moment: datetime) -> bytes:
        since = moment - EPOCH
        within = (since.seconds * 10**6 + since.microseconds) * 1000 + nanoseconds
        return struct.pack("<qI", within, 2_440_588 + since.days)

    out = io.BytesIO()
    column = pa.array([None, *(n * 10**9 for n in range(len(moments)))], pa.timestamp("ns"))
    plain = {"use_dictionary": False, "compression": "none", "store_schema": False}
    pq.write_table(
        pa.table({"at": column}), out, use_deprecated_int96_timestamps=True,
        write_statistics=False, **plain,
    )  # fmt: skip
    content = out.getvalue()
    for n, moment in enumerate(moments):
        content = content.replace(struct.pack("<qI", n * 10**9, 2_440_588), int96(moment))
    return content


def test_days_of_spark_are_read_beyond_the_range_of_nanoseconds(tmp_path):
    days = ("0001-01-01", "1969-07-20T20:17:40.000001", "2026-01-05T08:30", "9999-12-31")
    moments = [datetime.fromisoformat(day) for day in days]
    table = read(connected(), tmp_path, of_spark(*moments))
    assert [row[0] for row in table.rows] == [None, *moments]


@pytest.mark.parametrize("day", ["0001-01-01", "2026-01-05", "9999-12-31"])
def test_nanoseconds_of_spark_are_refused_too(tmp_path, day):
    content = of_spark(datetime.fromisoformat(day), nanoseconds=1)
    with pytest.raises(UnreadableFileError, match="column at: it has nanoseconds"):
        read(connected(), tmp_path, content)
