"""What a writer put around all cells or lines is no part of the values."""

from __future__ import annotations

import pytest

from ingestion.files.errors import UnreadableFileError
from support.parsing import accounted, connected, read


@pytest.mark.parametrize(
    ("text", "rows", "left_out"),
    [
        ('id, name, town\n1, "A, B", Ulm\n2, "C", Bonn\n', [(1, "A, B", "Ulm"), (2, "C", "Bonn")],
         "blank"),
        ('"id", "name"\n1, "x, ""y"""\n2, "a\nb, c"\n', [(1, 'x, "y"'), (2, "a\nb, c")], "blank"),
        ("id ; v\n1 ; 5\n2 ; 7\n", [(1, 5), (2, 7)], "blank"),
        ("a, b, c\n1, , 3\n2, x,\n", [(1, None, 3), (2, "x", None)], "blank"),
        ("id;Name, first\n1;Müller, Hans\n2;Maier, Eva\n",
         [(1, "Müller, Hans"), (2, "Maier, Eva")], ""),
        ("id,code\n1, A\n2,B \n", [(1, " A"), (2, "B ")], ""),
        ('"id,n,c"\n"1,""A, x"",y"\n"2,B,z"\n', [(1, "A, x", "y"), (2, "B", "z")], "quotes"),
        ('id;n\r\n"1;A"\r\n"2;B"\r\n', [(1, "A"), (2, "B")], "quotes"),
        ('note\n"a, b"\n"c, d"\n', [("a, b",), ("c, d",)], ""),
        ('"day, town"\n"Mon, Ulm"\n"Tue, Bonn"\n', [("Mon, Ulm",), ("Tue, Bonn",)], ""),
    ],
)  # fmt: skip
def test_blanks_beside_every_delimiter_and_quotes_around_every_line_are_left_out(
    tmp_path, text, rows, left_out
):
    table = read(connected(), tmp_path, text.encode())
    assert table.rows == rows
    assert left_out in table.parsed.evidence.get("left out", "")
    assert bool(left_out) == ("left out" in table.parsed.evidence)
    assert accounted(table.parsed)


@pytest.mark.parametrize(
    ("text", "rows", "aside"),
    [
        ("id,n\n1,A\n2,B,\n3,C,,\n4,D\n", [(1, "A"), (2, "B"), (3, "C"), (4, "D")], []),
        ('id;n\r\n1;A\r\n2;"B\r\nC";\r\n3;D;\r\n4;E;x\r\n5;F\r\n6;G',
         [(1, "A"), (3, "D"), (5, "F"), (6, "G")], [3, 6]),
        ("id,n,,\n1,A\n2,B\n", [(1, "A"), (2, "B")], []),
    ],
)  # fmt: skip
def test_empty_cells_beyond_the_others_width_are_left_out(tmp_path, text, rows, aside):
    table = read(connected(), tmp_path, text.encode())
    assert table.rows == rows
    assert [row.line for row in table.parsed.aside] == aside
    assert accounted(table.parsed)


def test_lines_keep_their_numbers_where_blanks_are_left_out(tmp_path):
    lines = ["id, name", *(f'{n}, "a, b"' for n in range(9_000))]
    lines[7_000] = '6999, "two\nlines"'
    lines[8_000] = '7999, "x" y'
    with pytest.raises(UnreadableFileError, match="line 8002: it has a quoted value"):
        read(connected(), tmp_path, "\n".join(lines).encode())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,n\n'1','A, B'\n'2','C'\n", "in single quotes, as '2'"),
        ("id,n\n1,'A'\n2,'C'\n", "in single quotes, as 'A'"),
        ("id,n\n1,'A, B'\n2,'C'\n", "in single quotes, as 'C'"),
        ("id^n\n1^A\n2^B\n", "as many '\\^', .* declare delimiter: '\\^'"),
        (" id | n \n----+---\n  1 | A\n(1 row)\n", "drawn with lines"),
    ],
)
def test_what_may_be_around_or_between_cells_is_asked_for(tmp_path, text, told):
    with pytest.raises(UnreadableFileError, match=told):
        read(connected(), tmp_path, text.encode())


@pytest.mark.parametrize(
    "text",
    ["n,x\nO'Neil,'a'\nB,b\n", "n,id\nA,'1'\nB,'2'\n", "name\n'tis\n'twas\n", "n\n1^2\n3^4\n"],
)
def test_an_apostrophe_or_a_caret_in_some_values_is_a_character(tmp_path, text):
    assert len(read(connected(), tmp_path, text.encode()).rows) == 2


def test_values_keep_single_quotes_where_double_ones_are_declared(tmp_path):
    table = read(connected(), tmp_path, b"id,n\n1,'A'\n2,'C'\n", quote='"')
    assert table.rows == [(1, "'A'"), (2, "'C'")]
