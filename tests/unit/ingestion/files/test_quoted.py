"""Rows counted without a parser are as many as a strict parser finds, or aren't counted."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.files import quoted
from ingestion.files.quoted import count_rows


def parsed(text: str) -> int | None:
    """Rows that Python's strict parser finds; None if it refuses."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    try:
        return sum(1 for row in reader if row)
    except csv.Error:
        return None


@pytest.mark.parametrize("block", [1, 3, 1 << 22])
@given(text=st.text('";\n\ra', max_size=30))
def test_what_is_counted_is_what_a_strict_parser_finds(tmp_path_factory, block, text):
    file = tmp_path_factory.getbasetemp() / "counted.csv"
    file.write_bytes(text.encode())
    before, quoted._BLOCK_BYTES = quoted._BLOCK_BYTES, block
    try:
        found = count_rows(file, 0, ";", '"')
    finally:
        quoted._BLOCK_BYTES = before
    assert found is None or found == parsed(text)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('a;"b"\n"c\n\nd";e\r\n\r\n\n"say ""x""";""', 3),
        ("", 0),
        ("\n\n", 0),
        ('""\n', 1),
        ('a "b";c\n', None),
        ('"a" ;b\n', None),
        ('"a;b\n', None),
        ('"a"\r"b"\r', None),
    ],
)
def test_only_quotes_in_their_places_are_counted(tmp_path, text, rows):
    file = tmp_path / "a.csv"
    file.write_bytes(text.encode())
    assert count_rows(file, 0, ";", '"') == rows
