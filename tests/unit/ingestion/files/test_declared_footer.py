"""Lines of a declared footer are left out, whatever their width, but records aren't."""

import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.files.reading import read_records
from ingestion.files.rules import ReadingRules

ROWS = ["1,2,3", "4,5,6", "7,8,9"]


def read(folder, *lines: str, footer: int):
    file = folder / "rows.csv"
    file.write_text("\n".join(["a,b,c", *lines, ""]))
    records, _ = read_records(file, ReadingRules(footer_lines=footer))
    return records


@pytest.mark.parametrize(
    "footer",
    [
        ["Total rows: 3"], ["Total,,3"], ["Total,,3", "Created by hand"], ["a note", "x,y,z"],
        ["x,y,z", "a note, with more, cells, than the header"],
    ],
)  # fmt: skip
def test_exactly_its_lines_are_left_out(tmp_path, footer):
    records = read(tmp_path, *ROWS, *footer, footer=len(footer))
    assert (records.rows, records.total) == (3, 3 + len(footer))
    assert len(records.aside) == len(footer)
    assert all(row.expected and "as declared" in row.reason for row in records.aside)


def test_an_odd_row_above_it_is_set_aside_and_told(tmp_path):
    records = read(tmp_path, "1,2,3", "4,5", "7,8,9", "10,11,12", "Total", footer=1)
    assert records.rows == 3
    assert [(row.line, row.expected) for row in records.aside] == [(3, False), (6, True)]


@pytest.mark.parametrize("footer", [3, 9])
def test_a_footer_of_the_whole_file_is_refused(tmp_path, footer):
    with pytest.raises(UnreadableFileError, match="nothing is left"):
        read(tmp_path, *ROWS, footer=footer)
