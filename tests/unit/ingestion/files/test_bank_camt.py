"""CAMT: one row an entry, signed once, in every version; what doesn't add up is reported."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.files.bank import NAMES, camt, is_statement, read_statement
from ingestion.files.errors import UnreadableFileError
from support.camt import OWN, balance, document, entry, payment, statement


@pytest.fixture
def read(tmp_path):
    def read_(content: bytes):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert is_statement(content[:4096]) == "camt"
        return read_statement(path, "camt")

    return read_


def only(found):
    assert len(found.rows) == 1
    return found.rows[0][1]


@pytest.mark.parametrize(
    ("version", "status", "level", "prefix"),
    [
        ("053.001.02", "<Sts>BOOK</Sts>", "", ""),
        ("053.001.04", "<Sts>BOOK</Sts>", "", "ns2"),
        ("053.001.08", "<Sts><Cd>BOOK</Cd></Sts>", "Pty", ""),
    ],
)
def test_an_entry_reads_the_same_in_every_version(read, version, status, level, prefix):
    details = payment("Ada Example", "DE75512108001245126199", "Invoice 17", level=level)
    code = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>"
    content = entry(
        "119.00",
        f"<AcctSvcrRef>B77</AcctSvcrRef>{code}</BkTxCd>",
        f"<NtryDtls>{details}</NtryDtls>",
        status=status,
    )
    found = read(
        document(
            statement(balance("OPBD", "100.00"), balance("CLBD", "219.00"), content),
            version=version,
            prefix=prefix,
        )
    )
    assert only(found) == {
        "account": OWN,
        "statement": "S1",
        "booking_date": date(2026, 1, 5),
        "value_date": date(2026, 1, 5),
        "amount": Decimal("119.00"),
        "currency": "EUR",
        "counterparty": "Ada Example",
        "counterparty_account": "DE75512108001245126199",
        "purpose": "Invoice 17",
        "end_to_end_reference": "INV-1",
        "mandate_reference": None,
        "reference": None,
        "bank_reference": "B77",
        "transaction_code": "PMNT-RCDT-ESCT",
        "batch_count": 1,
        "status": "BOOK",
        "reversal": False,
    }
    assert tuple(only(found)) == found.names == NAMES
    assert found.records == 1
    assert found.evidence["version"] == f"camt.{version}"
    assert found.evidence["accounts"] == [OWN]
    assert found.evidence["statements"][0]["agrees"] is True
    assert not found.breaks


def test_a_batch_is_one_row_with_what_its_parts_share(read):
    parts = [
        payment("Ada", "DE1", "Invoice 17").replace(
            "<RltdPties>", '<AmtDtls><TxAmt><Amt Ccy="EUR">50.00</Amt></TxAmt></AmtDtls><RltdPties>'
        ),
        payment("Bob", "DE1", "Invoice 17").replace(
            "<RltdPties>", '<AmtDtls><TxAmt><Amt Ccy="EUR">69.00</Amt></TxAmt></AmtDtls><RltdPties>'
        ),
    ]
    batch = entry("119.00", f"<NtryDtls>{''.join(parts)}</NtryDtls>")
    found = read(document(statement(balance("OPBD", "0"), balance("CLBD", "119.00"), batch)))
    row = only(found)
    assert (row["amount"], row["batch_count"]) == (Decimal("119.00"), 2)
    assert (row["counterparty"], row["counterparty_account"]) == (None, "DE1")
    assert row["purpose"] == "Invoice 17"
    assert not found.breaks
    broken = read(document(statement(batch.replace("69.00", "68.00", 1))))
    assert broken.breaks == ["statement S1, entry 1: its 2 parts make 118.00, it says 119.00"]


def test_a_batch_whose_parts_are_elsewhere_is_counted_as_the_bank_counts(read):
    batch = entry("-119.00", "<NtryDtls><Btch><NbOfTxs>12</NbOfTxs></Btch></NtryDtls>")
    assert only(read(document(statement(batch))))["batch_count"] == 12


def test_a_reversal_is_not_turned_again_and_names_the_one_who_had_paid(read):
    details = payment("Ada", "DE1", "returned").replace(
        "</RltdPties>", "<Cdtr><Nm>Me</Nm></Cdtr></RltdPties>"
    )
    back = entry(
        "-50.00",
        f"<NtryDtls>{details}</NtryDtls>",
        status="<RvslInd>true</RvslInd><Sts>BOOK</Sts>",
    )
    found = read(document(statement(balance("OPBD", "80"), balance("CLBD", "30"), back)))
    row = only(found)
    assert (row["amount"], row["reversal"], row["counterparty"]) == (Decimal(-50), True, "Ada")
    assert not found.breaks


def test_a_reversal_whose_bank_turns_the_roles_names_the_only_side_that_is_there(read):
    details = payment("Ada", "DE1", "returned", role="Cdtr")
    back = entry("-5", f"<NtryDtls>{details}</NtryDtls>", status="<RvslInd>true</RvslInd>")
    assert only(read(document(statement(back))))["counterparty"] == "Ada"


def test_the_other_side_is_never_the_own_account(read):
    details = payment("Ada", "DE1", "x").replace(
        "</RltdPties>",
        f"<Cdtr><Nm>Me</Nm></Cdtr><CdtrAcct><Id><IBAN>{OWN}</IBAN></Id></CdtrAcct></RltdPties>",
    )
    row = only(read(document(statement(entry("-5", f"<NtryDtls>{details}</NtryDtls>")))))
    assert (row["counterparty"], row["counterparty_account"]) == ("Ada", "DE1")


def test_what_is_pending_is_kept_as_such_and_not_summed(read):
    content = [
        balance("OPBD", "0"),
        balance("CLBD", "10.00"),
        entry("10.00"),
        entry("99.00", status="<Sts><Cd>PDNG</Cd></Sts>"),
        entry("98.00", status="<Sts>INFO</Sts>"),
    ]
    found = read(document(statement(*content)))
    assert [row["status"] for _, row in found.rows] == ["BOOK", "PDNG", "INFO"]
    assert found.evidence["statements"][0]["sum"] == Decimal("10.00")
    assert not found.breaks


def test_an_intraday_report_needs_no_closing_balance(read):
    report = statement(balance("OPBD", "5"), balance("ITBD", "9"), entry("1"), kind="Rpt")
    found = read(document(report, version="052.001.08"))
    assert (len(found.rows), found.breaks) == (1, [])


def test_several_statements_in_a_file_count_on_and_must_follow_each_other(read):
    first = statement(balance("OPBD", "0"), balance("CLBD", "10"), entry("10"), name="S1")
    second = statement(
        balance("PRCD", "10"), balance("CLBD", "4"), entry("-7"), entry("1"), name="S2"
    )
    found = read(document(first, second))
    assert [number for number, _ in found.rows] == [1, 2, 3]
    assert [row["statement"] for _, row in found.rows] == ["S1", "S2", "S2"]
    assert not found.breaks
    third = statement(balance("OPBD", "5"), balance("CLBD", "5"), name="S4")
    (gap,) = read(document(first, second, third)).breaks
    assert "S4" in gap
    assert "opens with 5, the one before it in the file (S2) closed with 4" in gap
    (twice,) = read(document(first, second, second)).breaks
    assert twice.endswith("is in the file more than once, again at row 4")


def test_a_balance_that_does_not_come_out_names_both_sums(read):
    wrong = statement(balance("OPBD", "100.00"), balance("CLBD", "-5.00"), entry("10.00"))
    found = read(document(wrong))
    assert found.evidence["statements"][0]["agrees"] is False
    assert found.breaks == [
        f"statement S1 of account {OWN}: opening balance 100.00 and entries of 10.00 make 110.00, "
        "its closing balance is -5.00, from row 1"
    ]


def test_an_entry_in_another_currency_leaves_the_balance_unproven(read):
    foreign = entry("10.00").replace('Ccy="EUR"', 'Ccy="USD"')
    found = read(document(statement(balance("OPBD", "0"), balance("CLBD", "9"), foreign)))
    assert found.evidence["statements"][0]["agrees"] is None
    assert not found.breaks


def test_the_opening_balance_is_the_booked_one(read):
    balances = balance("OPBD", "5"), balance("PRCD", "4"), balance("CLBD", "6")
    assert not read(document(statement(*balances, entry("1")))).breaks


def test_pages_of_a_statement_go_from_interim_balance_to_interim_balance(read):
    total = "<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries></TtlNtries></TxsSummry>"

    def page(number: int, *content: str) -> str:
        last = "true" if number == 3 else "false"
        place = f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{last}</LastPgInd></StmtPgntn>"
        return statement(place, total, *content, name=f"S{number}")

    first = page(1, balance("OPBD", "0"), balance("ITBD", "1"), entry("1"))
    second = page(2, balance("ITBD", "1"), balance("ITBD", "3"), entry("2"))
    third = page(3, balance("ITBD", "3"), balance("CLBD", "6"), entry("3"))
    found = read(document(first, second, third))
    assert [s["agrees"] for s in found.evidence["statements"]] == [True, True, True]
    assert not found.breaks


def test_the_bank_s_own_count_and_sums_are_compared(read):
    summary = (
        "<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries></TtlNtries>"
        "<TtlCdtNtries><Sum>15.00</Sum></TtlCdtNtries><TtlDbtNtries><Sum>2</Sum></TtlDbtNtries>"
        "</TxsSummry>"
    )
    found = read(document(statement(summary, entry("15"), entry("-2"))))
    assert found.breaks == [f"statement S1 of account {OWN}: the bank states 3 of entries, found 2"]


def test_a_creditor_s_reference_and_no_reference(read):
    details = (
        "<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId><MndtId>M1</MndtId></Refs>"
        "<RmtInf><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf>"
        "</TxDtls></NtryDtls><AddtlNtryInf>credit</AddtlNtryInf>"
    )
    row = only(read(document(statement(entry("1", details)))))
    assert row["end_to_end_reference"] is None
    assert row["mandate_reference"] == "M1"
    assert row["reference"] == "RF18539007547034"
    assert row["purpose"] == "credit"


def test_a_time_near_midnight_does_not_move_the_day(read):
    moved = entry("1").replace(
        "<BookgDt><Dt>2026-01-05</Dt>", "<BookgDt><DtTm>2026-01-05T00:10:00.000+02:00</DtTm>"
    )
    assert only(read(document(statement(moved))))["booking_date"] == date(2026, 1, 5)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<CdtDbtInd>CRDT", "<CdtDbtInd>C", "entry 1: 'C' is neither CRDT nor DBIT"),
        (">12.50<", ">12,50<", "entry 1: '12,50' is no amount"),
        (">12.50<", ">-12.50<", "'-12.50' is no amount"),
        (">12.50<", "><", "entry 1 has no amount"),
        (' Ccy="EUR">12.50', ">12.50", "entry 1 has no currency"),
        ("<Dt>2026-01-05", "<Dt>05.01.2026", "'05.01.2026' in BookgDt is no date"),
        ("<Dt>2026-01-05", "<Dt>2026-02-30", "there is no day 2026-02-30"),
        (">BOOK<", ">DONE<", "'DONE' is no status"),
        ("</Document>", "", "no complete XML"),
        ("<Document", "<!DOCTYPE x []><Document", "its XML is none of a statement"),
    ],
)
def test_what_is_malformed_is_refused_by_its_place(read, old, new, reason):
    content = document(statement(entry("12.50"))).decode()
    assert old in content
    with pytest.raises(UnreadableFileError, match=reason):
        read(content.replace(old, new, 1).encode())


def test_a_file_cut_off_anywhere_is_refused():
    content = document(statement(entry("12.50"), entry("1.00")))
    for end in range(60, len(content), 7):
        with pytest.raises(UnreadableFileError):
            camt.read(content[:end])


AMOUNTS = st.decimals("-999999999.99", "999999999.99", places=2).filter(bool)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(AMOUNTS, st.dates(date(1990, 1, 1), date(2090, 1, 1))), max_size=12))
def test_what_is_written_is_read(rows):
    entries = [entry(f"{amount}", on=str(on)) for amount, on in rows]
    total = sum((amount for amount, _ in rows), Decimal(0))
    balances = balance("OPBD", "1.00"), balance("CLBD", f"{total + 1:f}")
    found = camt.read(document(statement(*balances, *entries)))
    assert [(row["amount"], row["booking_date"]) for _, row in found.rows] == rows
    assert (found.records, found.breaks) == (len(rows), [])
    wrong = balance("OPBD", "1.00"), balance("CLBD", f"{total + 1 + timedelta.max.days:f}")
    assert len(camt.read(document(statement(*wrong, *entries))).breaks) == 1
