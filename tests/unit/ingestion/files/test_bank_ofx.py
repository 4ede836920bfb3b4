"""OFX: open or closed tags, with or without a header; days and amounts as the bank wrote them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.files.bank import NAMES, is_statement, ofx, read_statement
from ingestion.files.errors import UnreadableFileError

HEADER = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n"
XML_HEADER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
)


def entry(amount: str, posted: str = "20260105", more: str = "", kind: str = "CREDIT") -> str:
    return (
        f"<STMTTRN>\n<TRNTYPE>{kind}\n<DTPOSTED>{posted}\n<TRNAMT>{amount}\n<FITID>F1\n{more}"
        "</STMTTRN>\n"
    )


def statement(*entries: str, account: str = "1234", currency: str = "EUR") -> str:
    return (
        f"<STMTTRNRS><TRNUID>0<STMTRS><CURDEF>{currency}\n<BANKACCTFROM><BANKID>10010010\n"
        f"<ACCTID>{account}\n<ACCTTYPE>CHECKING</BANKACCTFROM>\n<BANKTRANLIST><DTSTART>20260101\n"
        f"<DTEND>20260131\n{''.join(entries)}</BANKTRANLIST>\n<LEDGERBAL><BALAMT>99.50\n"
        "<DTASOF>20260131</LEDGERBAL>\n</STMTRS></STMTTRNRS>\n"
    )


def sgml(*statements: str, header: str = HEADER) -> str:
    sign_on = "<SIGNONMSGSRSV1><SONRS><DTSERVER>20260201</SONRS></SIGNONMSGSRSV1>"
    return f"{header}<OFX>{sign_on}<BANKMSGSRSV1>{''.join(statements)}</BANKMSGSRSV1></OFX>\n"


@pytest.fixture
def read(tmp_path):
    def read_(text: str, encoding: str = "utf-8"):
        content = text.encode(encoding)
        path = tmp_path / "file"
        path.write_bytes(content)
        assert is_statement(content[:4096]) == "ofx"
        return read_statement(path, "ofx")

    return read_


def only(found):
    assert len(found.rows) == 1
    return found.rows[0][1]


def test_a_statement_of_open_tags(read):
    more = "<NAME>Ada &amp; Example\n<MEMO>Invoice 17\n<CHECKNUM>88\n"
    found = read(sgml(statement(entry("119.00", "20260105120000.000[-5:EST]", more))))
    assert found.rows[0][0] == 13
    assert only(found) == {
        "account": "1234",
        "statement": "2026-01-01 to 2026-01-31",
        "booking_date": date(2026, 1, 5),
        "value_date": None,
        "amount": Decimal("119.00"),
        "currency": "EUR",
        "counterparty": "Ada & Example",
        "counterparty_account": None,
        "purpose": "Invoice 17",
        "end_to_end_reference": None,
        "mandate_reference": None,
        "reference": "88",
        "bank_reference": "F1",
        "transaction_code": "CREDIT",
        "batch_count": None,
        "status": "BOOK",
        "reversal": False,
    }
    assert found.names == NAMES
    assert (found.records, found.breaks) == (1, [])
    assert found.evidence["version"] == "102"
    (evidence,) = found.evidence["statements"]
    assert (evidence["closing_balance"], evidence["agrees"]) == (Decimal("99.50"), None)


def test_a_statement_of_a_card_in_xml(read):
    text = XML_HEADER + (
        "<OFX><CREDITCARDMSGSRSV1><CCSTMTTRNRS><CCSTMTRS><CURDEF>USD</CURDEF><CCACCTFROM>"
        "<ACCTID>4111</ACCTID></CCACCTFROM><BANKTRANLIST><DTSTART>20260101</DTSTART>"
        "<DTEND>20260131</DTEND><STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20260105</DTPOSTED>"
        "<TRNAMT>-12.5</TRNAMT><FITID>F1</FITID><PAYEE><NAME>Shop</NAME></PAYEE>"
        "<CURRENCY><CURRATE>1.1</CURRATE><CURSYM>EUR</CURSYM></CURRENCY><NAME></NAME>"
        "<MEMO><![CDATA[a <b> & c]]></MEMO></STMTTRN></BANKTRANLIST></CCSTMTRS></CCSTMTTRNRS>"
        "</CREDITCARDMSGSRSV1></OFX>"
    )
    found = read(text)
    row = only(found)
    assert (row["account"], row["amount"], row["currency"]) == ("4111", Decimal("-12.5"), "EUR")
    assert (row["counterparty"], row["purpose"]) == ("Shop", "a <b> & c")
    assert found.evidence["version"] == "211"


def test_what_an_amount_was_converted_from_is_not_its_currency(read):
    more = "<ORIGCURRENCY><CURRATE>1.1<CURSYM>USD</ORIGCURRENCY>"
    assert only(read(sgml(statement(entry("1", more=more)))))["currency"] == "EUR"


def test_a_file_without_a_header_is_read(read):
    found = read(sgml(statement(entry("1.00")), header="\n"))
    assert (len(found.rows), found.evidence["version"]) == (1, "without a header")


def test_an_empty_value_takes_nothing_from_the_next(read):
    row = only(read(sgml(statement(entry("1", more="<NAME>\n<MEMO>bread\n")))))
    assert (row["counterparty"], row["purpose"]) == (None, "bread")


def test_empty_tags_attributes_and_values_over_two_lines(read):
    text = sgml(statement(entry("1", more="<NAME/>\n<MEMO>white\n bread\n")), header="")
    found = read(text.replace("<OFX>", '<OFX xmlns="http://ofx.net/types/2003/04">'))
    assert (only(found)["counterparty"], only(found)["purpose"]) == (None, "white bread")
    empty = text[: text.index("<BANKTRANLIST>")] + "<BANKTRANLIST/></STMTRS></OFX>"
    assert read(empty).rows == []


@pytest.mark.parametrize(
    "posted",
    [
        "20260331",
        "20260331000000",
        "20260331000000[0:GMT]",
        "20260331000000[+1:CET]",
        "20260331235959.999[-5:EST]",
        "20260331120000.000 [-8:PST]",
        "202603311200",
    ],
)
def test_an_offset_does_not_move_the_day(read, posted):
    assert only(read(sgml(statement(entry("1", posted)))))["booking_date"] == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("12,5", "12.5"),
        ("-12,50", "-12.50"),
        ("+3", "3"),
        (".5", "0.5"),
        ("-1,234.56", "-1234.56"),
        ("1.234.567,80", "1234567.80"),
        ("0.125", "0.125"),
        ("1234.567", "1234.567"),
        ("12.5000", "12.5000"),
    ],
)
def test_an_amount_of_either_mark_is_read_right(read, written, amount):
    assert only(read(sgml(statement(entry(written)))))["amount"] == Decimal(amount)


@pytest.mark.parametrize("written", ["1,234", "1.234", "1.23.4", "12,5 EUR", "--1", "1e5", "NaN"])
def test_an_amount_that_may_be_two_is_refused_by_its_line(read, written):
    with pytest.raises(UnreadableFileError, match=r"line 13, STMTTRN: what '.*' is as an amount"):
        read(sgml(statement(entry(written))))


def test_three_decimals_are_read_in_a_currency_that_has_them(read):
    found = read(sgml(statement(entry("1.234"), currency="KWD")))
    assert only(found)["amount"] == Decimal("1.234")


def test_several_accounts_in_a_file(read):
    found = read(sgml(statement(entry("1")), statement(entry("2"), entry("3"), account="5678")))
    assert [row["account"] for _, row in found.rows] == ["1234", "5678", "5678"]
    assert (found.evidence["accounts"], found.records) == (["1234", "5678"], 3)


def test_a_code_page_and_utf_8_against_what_the_header_says(read):
    text = sgml(statement(entry("1", more="<NAME>Müller\n")))
    for encoding in ("cp1252", "utf-8"):
        found = read(text, encoding)
        assert (only(found)["counterparty"], found.evidence["encoding"]) == ("Müller", encoding)


def test_what_is_pending_is_named_as_such(read):
    pending = (
        "<BANKTRANLISTP><DTASOF>20260131<STMTTRNP><TRNTYPE>DEBIT<DTTRAN>20260130<TRNAMT>-7"
        "<NAME>Shop</STMTTRNP></BANKTRANLISTP>"
    )
    text = sgml(statement(entry("1"))).replace("<LEDGERBAL>", f"{pending}<LEDGERBAL>")
    found = read(text)
    assert [row["status"] for _, row in found.rows] == ["BOOK", "PDNG"]
    assert found.records == 2


def test_a_sign_against_the_kind_and_a_correction_are_said(read):
    more = "<CORRECTFITID>F0\n<CORRECTACTION>DELETE\n"
    found = read(sgml(statement(entry("5", kind="DEBIT"), entry("1", more=more))))
    title = "statement 2026-01-01 to 2026-01-31 of account 1234"
    assert found.breaks == [
        f"{title}: the entry at line 19 is to delete the one with FITID F0",
        f"{title}: 1 entries of a kind that takes money out have a positive amount, the first at "
        "line 13",
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("</STMTTRN>\n<STMTTRN>", "<STMTTRN>", "line 18: <STMTTRN> before </STMTTRN>"),
        ("</BANKTRANLIST>", "", "</STMTRS> where <BANKTRANLIST> is open|<LEDGERBAL>"),
        ("</OFX>", "", "it is cut off: <OFX> isn't closed"),
        ("<TRNAMT>2\n", "", "line 19, STMTTRN has no amount"),
        ("<DTPOSTED>20260105\n", "", "line 13, STMTTRN has no date"),
        ("<DTPOSTED>20260105", "<DTPOSTED>05.01.2026", "'05.01.2026' is no date"),
        ("<DTPOSTED>20260105", "<DTPOSTED>20260230", "there is no day 2026-02-30"),
        ("<CURDEF>EUR\n", "", "no currency"),
        ("<ACCTID>1234\n", "", "no account"),
        ("STMTRS", "INVSTMTRS", "line 7: it is an investment statement"),
        ("STMTRS", "OTHERRS", "holds no statement"),
    ],
)
def test_what_is_malformed_is_refused_by_its_line(read, old, new, reason):
    text = sgml(statement(entry("1"), entry("2")))
    assert old in text
    count = -1 if old == "STMTRS" else 1
    with pytest.raises(UnreadableFileError, match=reason):
        read(text.replace(old, new, count))


def test_a_file_cut_off_anywhere_is_refused():
    content = sgml(statement(entry("12.50"), entry("1.00"))).rstrip().encode()
    for end in range(len(content)):
        with pytest.raises(UnreadableFileError):
            ofx.read(content[:end])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.decimals("-999999999.99", "999999999.99", places=2),
            st.dates(date(1970, 1, 1), date(2090, 1, 1)),
            st.sampled_from(["", "000000", "120000[-5:EST]", "235959.999[+12:NZST]"]),
        ),
        max_size=12,
    ),
    st.sampled_from([".", ","]),
)
def test_what_is_written_is_read(rows, mark):
    entries = [
        entry(f"{amount:f}".replace(".", mark), f"{on:%Y%m%d}{time}") for amount, on, time in rows
    ]
    found = ofx.read(sgml(statement(*entries)).encode())
    assert [(row["amount"], row["booking_date"]) for _, row in found.rows] == [r[:2] for r in rows]
    assert found.records == len(rows)
