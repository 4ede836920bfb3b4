"""A broken or oversized workbook is refused in a line that says why."""

import re
import zipfile

import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook import container
from support import workbooks as made


def refusal(read, content: bytes) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read(content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_parts_with_backslashes_and_a_workbook_elsewhere_are_found(read, tmp_path):
    path = tmp_path / "usual"
    path.write_bytes(made.xlsx({"Data": [made.row(1, made.error("B1", "#REF!"))]}))
    with zipfile.ZipFile(path) as archive:
        usual = {name: archive.read(name).decode() for name in archive.namelist()}
    assert read(made.zipped({n.replace("/", "\\"): c for n, c in usual.items()}))[0].rows == [
        (1, [None, "#REF!"])
    ]
    moved = {n.replace("xl/", ""): c.replace("xl/", "") for n, c in usual.items()}
    assert read(made.zipped(moved))[0].rows == [(1, [None, "#REF!"])]


def test_what_is_no_workbook_is_refused_with_what_it_is(read):
    assert "no workbook" in refusal(read, b"id;name\n1;x\n")
    assert "zip without a workbook in it; it holds a.csv" in refusal(
        read, made.zipped({"a.csv": "id\n1\n"})
    )
    assert "no spreadsheet" in refusal(read, made.zipped({"content.xml": "<office/>"}))


@pytest.mark.parametrize("kept", [30, 200, 900, -1, -30])
def test_a_workbook_that_is_cut_off_is_refused(read, kept):
    content = made.xlsx({"Data": [made.row(1, made.number("A1", 1))]})
    assert "cut off or broken" in refusal(read, content[:kept])


def test_a_sheet_whose_xml_ends_early_is_refused(read):
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    cut = f'<worksheet xmlns="{main}"><sheetData><row r="1"><c r="A1"><v>1</v></c>'
    content = made.xlsx({"Data": []}, replaced={"xl/worksheets/sheet1.xml": cut})
    assert "xl/worksheets/sheet1.xml in it is broken" in refusal(read, content)


def test_a_flipped_bit_in_a_packed_part_is_refused(read, tmp_path):
    content = bytearray(made.xlsx({"Data": [made.row(1, made.text("A1", "x" * 500))]}))
    (tmp_path / "whole").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "whole") as archive:
        start = archive.getinfo("xl/worksheets/sheet1.xml").header_offset
    content[start + 100] ^= 0xFF
    assert "broken" in refusal(read, bytes(content))


def test_a_password_is_named_as_the_reason(read):
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
    assert "password" in refusal(read, ole + "EncryptedPackage".encode("utf-16-le"))
    locked = bytearray(made.xlsx({"Data": []}))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in refusal(read, bytes(locked))
    assert "password" in refusal(read, made.ods({"A": []}, manifest="<encryption-data/>"))


def test_a_bomb_is_refused_before_it_is_unpacked(read, monkeypatch):
    monkeypatch.setattr(container, "LARGEST_UNPACKED_BYTES", 10_000)
    content = made.xlsx({"Data": [made.row(1, made.text("A1", "x" * 20_000))]})
    assert len(content) < 5_000
    assert re.search(r"unpacked it has [\d,]+ bytes, at most 10,000", refusal(read, content))


@pytest.mark.parametrize(
    "content",
    [
        made.xlsx({"Data": [made.row(1_048_576, made.number("XFD1048576", 1))]}),
        made.ods(
            {"Data": [made.line(made.cell("float", 1, more='table:number-columns-repeated="16384"'),
                                repeated=1_048_576)]}
        ),
    ],
)  # fmt: skip
def test_a_sheet_blown_up_to_its_last_cell_is_refused_by_name(read, content):
    assert "sheet 'Data' reaches to XFD1048576" in refusal(read, content)


def test_a_sheet_with_a_document_type_is_refused(read):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet/>'
    content = made.xlsx({"Data": []}, replaced={"xl/worksheets/sheet1.xml": bomb})
    assert "declares a document type" in refusal(read, content)


def test_what_is_no_number_in_a_cell_of_numbers_is_refused_by_its_place(read):
    assert "sheet 'Data', row 1" in refusal(
        read, made.xlsx({"Data": [made.row(1, made.number("A1", "1e400"))]})
    )
    assert "cell A1" in refusal(read, made.ods({"Data": [made.line(made.cell("float", "1,5"))]}))
