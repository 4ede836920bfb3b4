"""Which files are bank statements, judged by their content."""

import pytest

from ingestion.files import bank
from ingestion.files.bank import is_statement, read_statement
from ingestion.files.bank.text import decoded
from ingestion.files.errors import UnreadableFileError

CAMT = '<?xml version="1.0"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
MT940 = ":20:STARTUMS\n:25:10010010/6820101\n:28C:1/1\n:60F:C260101EUR100,00\n"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (CAMT.encode(), "camt"),
        (CAMT.encode("utf-16"), "camt"),
        (CAMT.replace("Document", "ns:Document").replace("xmlns", "xmlns:ns").encode(), "camt"),
        (b"\xef\xbb\xbf" + CAMT.encode(), "camt"),
        (b"<Document><BkToCstmrStmt>", "camt"),
        (MT940.encode(), "mt940"),
        (b"Example Bank\r\n\r\n" + MT940.replace("\n", "\r\n").encode(), "mt940"),
        (b"{1:F01BANKDEFFXXXX}{2:O940}{4:\r\n" + MT940.encode(), "mt940"),
        ("Bürobank €\n".encode("cp1252") + MT940.encode(), "mt940"),
        (b"OFXHEADER:100\r\nDATA:OFXSGML\r\n", "ofx"),
        (b"\n\n<OFX>\n<SIGNONMSGSRSV1>", "ofx"),
        (b'<?xml version="1.0"?>\n<?OFX OFXHEADER="200" VERSION="211"?>\n<OFX>', "ofx"),
        (b"<ofx>", "ofx"),
        (b"", None),
        (b"id;name\n1;camt.053.001.08\n", None),
        (b"id,text\n1,:20:\n2,:25:\n3,:60F:\n", None),
        (b'<?xml version="1.0"?><invoices><a>camt</a></invoices>', None),
        (b'{"OFX": 1}', None),
        (b":20:X\n:25:1\n:34F:EUR0,\n:13D:2601011200+0100\n", None),
        (bytes(range(256)), None),
    ],
)
def test_a_kind_is_told_by_the_content(head, kind):
    assert is_statement(head) == kind


def test_a_character_cut_in_two_by_the_end_of_the_head_does_not_matter():
    assert is_statement((MT940 + ":86:Büro ü").encode()[:-1]) == "mt940"
    assert is_statement(CAMT.encode("utf-16")[:-1]) == "camt"
    assert decoded("Büro ü".encode()[:-1], cut=True) == ("Büro ", "utf-8")


def test_a_statement_too_large_for_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bank, "LARGEST_BYTES", 20)
    (tmp_path / "file").write_bytes(MT940.encode())
    with pytest.raises(UnreadableFileError, match="download it for shorter periods"):
        read_statement(tmp_path / "file", "mt940")
