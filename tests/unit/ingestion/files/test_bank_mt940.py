"""MT940: signs, years and purposes as the bank meant them; what is uncertain is refused."""

from datetime import date, timedelta
from decimal import Decimal

import mt940 as other
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.files.bank import NAMES, is_statement, mt940, read_statement
from ingestion.files.errors import UnreadableFileError


def message(*lines: str, opening="C260101EUR100,00", closing="C260131EUR100,00", **tags) -> str:
    f, number = tags.get("f", ("F", "F")), tags.get("number", "1/1")
    return "\n".join(
        [
            ":20:STARTUMS",
            ":25:10010010/6820101",
            f":28C:{number}",
            f":60{f[0]}:{opening}",
            *lines,
            f":62{f[1]}:{closing}",
            "-",
            "",
        ]
    )


@pytest.fixture
def read(tmp_path):
    def read_(text: str | bytes, encoding: str = "utf-8"):
        content = text.encode(encoding) if isinstance(text, str) else text
        path = tmp_path / "file"
        path.write_bytes(content)
        assert is_statement(content[:4096]) == "mt940"
        return read_statement(path, "mt940")

    return read_


def only(read, *lines: str):
    return read(message(*lines)).rows[0][1]


def test_an_entry_with_its_purpose_in_pieces(read):
    found = read(
        message(
            ":61:2601050107C119,00NTRFRE-17//B77",
            ":86:166?00GUTSCHRIFT?10931?20EREF+INV-1?21MREF+M5?22SVWZ+Rechnung 17, Janu",
            "?23ar?30BANKDEFFXXX?31DE75512108001245126199?32Ada Exam?33ple?60 und Feb",
            "?61ruar",
            closing="C260131EUR219,00",
        )
    )
    assert found.rows == [
        (
            5,
            {
                "account": "10010010/6820101",
                "statement": "1/1",
                "booking_date": date(2026, 1, 7),
                "value_date": date(2026, 1, 5),
                "amount": Decimal("119.00"),
                "currency": "EUR",
                "counterparty": "Ada Example",
                "counterparty_account": "DE75512108001245126199",
                "purpose": "Rechnung 17, Januar und Februar",
                "end_to_end_reference": "INV-1",
                "mandate_reference": "M5",
                "reference": "RE-17",
                "bank_reference": "B77",
                "transaction_code": "NTRF-166",
                "batch_count": None,
                "status": "BOOK",
                "reversal": False,
            },
        )
    ]
    assert found.names == NAMES
    assert (found.records, found.breaks) == (1, [])
    assert found.evidence["statements"][0]["agrees"] is True


@pytest.mark.parametrize(
    ("entry", "value_date", "booking_date"),
    [
        ("2512311231", date(2025, 12, 31), date(2025, 12, 31)),
        ("2601021231", date(2026, 1, 2), date(2025, 12, 31)),
        ("2512310102", date(2025, 12, 31), date(2026, 1, 2)),
        ("260101    ", date(2026, 1, 1), date(2026, 1, 1)),
        ("260101", date(2026, 1, 1), date(2026, 1, 1)),
        ("2403010229", date(2024, 3, 1), date(2024, 2, 29)),
    ],
)
def test_the_booking_s_year_is_the_nearest_over_the_turn_of_the_year(
    read, entry, value_date, booking_date
):
    row = only(read, f":61:{entry}D1,NTRFNONREF")
    assert (row["value_date"], row["booking_date"]) == (value_date, booking_date)


@pytest.mark.parametrize(
    ("mark", "amount", "reversal"),
    [
        ("C2,", "2", False),
        ("D2,", "-2", False),
        ("RC2,5", "-2.5", True),
        ("RD2,50", "2.50", True),
        ("CR2,00", "2.00", False),
        ("DR2,00", "-2.00", False),
        ("RDR2,00", "2.00", True),
        ("C0,01", "0.01", False),
    ],
)
def test_signs_and_amounts_that_end_with_the_comma(read, mark, amount, reversal):
    row = only(read, f":61:2601050105{mark}NTRFNONREF")
    assert (row["amount"], row["reversal"]) == (Decimal(amount), reversal)
    assert row["reference"] is None


def test_a_statement_cut_into_parts_goes_on_from_part_to_part(read):
    first = message(":61:260105C10,NTRFX", closing="C260105EUR110,", f="FM", number="5/1")
    second = message(
        ":61:260106D5,NTRFX",
        opening="C260105EUR110,",
        closing="C260131EUR105,",
        f="MF",
        number="5/2",
    )
    found = read(first + second)
    assert [number for number, _ in found.rows] == [5, 12]
    assert not found.breaks
    (gap,) = read(first + second.replace("EUR110,", "EUR111,").replace("EUR105,", "EUR106,")).breaks
    assert "statement 5/2" in gap
    assert "opens with 111, the one before it in the file (5/1) closed with 110, from row 12" in gap


def test_statements_may_come_newest_first(read):
    older = message(":61:260105C10,NTRFX", closing="C260105EUR110,", number="1/1")
    newer = message(
        ":61:260106C5,NTRFX", opening="C260105EUR110,", closing="C260131EUR115,", number="2/1"
    )
    assert not read(newer + older).breaks


def test_what_banks_put_around_statements_is_left_out(read):
    swift = "{1:F01BANKDEFFXXXX0000000000}{2:O9400000}{4:\n"
    lines = "Example Bank AG\nStatements of today\n\n"
    both = swift + message(":61:260105C10,NTRFX", closing="C260131EUR110,").replace("\n-\n", "\n-}")
    found = read(lines + both + "\n" + lines + both.replace("{4:\n", "{4:"))
    assert len(found.rows) == 2
    assert [s["rows"] for s in found.evidence["statements"]] == [1, 1]


@pytest.mark.parametrize(
    ("encoding", "said"), [("utf-8", "utf-8"), ("cp1252", "cp1252"), ("utf-8-sig", "utf-8-sig")]
)
def test_umlauts_of_each_encoding(read, encoding, said):
    text = message(":61:260105C0,NTRFX", ":86:166?20Büro für 5 €?32Müller").replace("\n", "\r\n")
    found = read(text, encoding)
    assert (found.rows[0][1]["purpose"], found.evidence["encoding"]) == ("Büro für 5 €", said)


def test_a_code_page_that_nobody_knows_is_said(read):
    text = message(":61:260105C0,NTRFX", ":86:166?20ABüC")
    (sentence,) = read(text, "cp850").breaks
    assert "neither utf-8 nor Windows-1252" in sentence


@pytest.mark.parametrize(
    ("details", "purpose"),
    [
        (":86:166?20Really?Yes?21, 5?", "Really?Yes, 5?"),
        (":86:166?20first?20second", "firstsecond"),
        (":86:166?20EREF+E1SVWZ+no separators", "no separators"),
        (":86:166?20Call at 12\n:20: hours?21 sharp", "Call at 12:20: hours sharp"),
        (":86:Any text\nin lines", "Any text in lines"),
        (":86:one\n:86:and two", "one and two"),
        (":86:EREF+E1 SVWZ+unstructured", "unstructured"),
        (":86:166?20EREF+E1", "EREF+E1"),
    ],
)
def test_nothing_of_a_purpose_is_lost(read, details, purpose):
    assert only(read, ":61:260105C0,NTRFX", *details.split("\n"))["purpose"] == purpose


def test_without_details_the_purpose_is_what_the_entry_says(read):
    assert only(read, ":61:260105C0,NTRFX//Y", "Card payment")["purpose"] == "Card payment"


def test_the_thirtieth_of_february_is_its_last_day_and_said(read):
    found = read(message(":61:2602300227C0,NINTX"))
    assert found.rows[0][1]["value_date"] == date(2026, 2, 28)
    assert found.evidence["days_not_in_the_calendar"] == "line 5"


def test_an_amount_without_its_comma_is_read_if_the_balances_prove_it(read):
    found = read(message(":61:2601050105C50NTRFX", closing="C260131EUR150,"))
    assert found.rows[0][1]["amount"] == Decimal(50)


def test_an_interim_report_is_named_as_such(read):
    text = message(":61:260105C0,NTRFX").replace(":60F:C260101EUR100,00", ":34F:EURD0,")
    with pytest.raises(UnreadableFileError, match="interim report"):
        read(text)


def test_a_balance_that_does_not_come_out_names_both_sums(read):
    (sentence,) = read(message(":61:260105D10,NTRFX")).breaks
    assert "statement 1/1 of account 10010010/6820101" in sentence
    assert "entries of -10 make 90.00, its closing balance is 100.00, from row 5" in sentence


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (":61:2601050105D100.50NTRFX", "line 5: '2601050105D100.50NTRFX' is no entry"),
        (":61:2601050105D1.000,50NTRFX", "is no entry"),
        (":61:2601050105D1,2,3NTRFX", "is no entry"),
        (":61:2601050105D100NTRFX", "has no comma, and with it as a whole number"),
        (":61:2601050105X1,NTRFX", "is no entry"),
        (":61:2601320105D1,NTRFX", "line 5: there is no day 2026-01-32"),
        (":61:2601050231D1,NTRFX", "line 5: there is no day 31 of month 02"),
        (":61:2601050706D1,NTRFX", "the year of the booking 0706 isn't certain"),
    ],
)
def test_an_entry_that_is_not_certain_is_refused_by_its_line(read, line, reason):
    with pytest.raises(UnreadableFileError, match=reason):
        read(message(line))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (":62F:", ":64:", "line 1 has 0 closing balances"),
        ("C260131EUR100,00", "C260131EUR1.000,00", "line 6: 'C260131EUR1.000,00' is no balance"),
        ("C260131EUR", "C260131USD", "a balance in USD beside one in EUR"),
        (":60F:", ":64:", "0 opening balances"),
        ("-\n", "-\n:61:260105C1,NTRFX\n", "an entry after the closing balance"),
    ],
)
def test_a_statement_that_is_not_whole_is_refused(read, old, new, reason):
    with pytest.raises(UnreadableFileError, match=reason):
        read(message(":61:260105C0,NTRFX").replace(old, new))


def test_a_file_cut_off_anywhere_is_refused_or_breaks():
    whole = message(":61:260105C10,NTRFX", ":86:166?20x", closing="C260131EUR110,00")
    for end in range(len(whole) - len(",00\n-\n")):
        with pytest.raises(UnreadableFileError):
            mt940.read(whole[:end].encode())
    joined = whole[:120] + whole
    with pytest.raises(UnreadableFileError):
        mt940.read(joined.encode())


def written(rows, opening: Decimal, closing: Decimal) -> str:
    def amount(value: Decimal) -> str:
        return f"{abs(value):f}".replace(".", ",")

    def balance(value: Decimal) -> str:
        return f"{'D' if value < 0 else 'C'}260101EUR{amount(value)}"

    lines = [
        f":61:{on:%y%m%d}{booked:%m%d}{'D' if value < 0 else 'C'}{amount(value)}NTRFNONREF//R{i}"
        f"\n:86:166?20SVWZ+purpose {i}?21 goes on?31DE{i}?32Name {i}"
        for i, (value, on, booked) in enumerate(rows)
    ]
    return message(*lines, opening=balance(opening), closing=balance(closing))


ROWS = st.lists(
    st.tuples(
        st.decimals("-999999999.99", "999999999.99", places=2).filter(bool),
        st.dates(date(2000, 1, 1), date(2090, 1, 1)),
        st.integers(-170, 170),
    ).map(lambda t: (t[0], t[1], max(date(2000, 1, 1), t[1] + timedelta(days=t[2])))),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_what_is_written_is_read(rows):
    total = sum((row[0] for row in rows), Decimal("1.00"))
    found = mt940.read(written(rows, Decimal("1.00"), total).encode())
    names = ("amount", "value_date", "booking_date")
    assert [tuple(row[n] for n in names) for _, row in found.rows] == rows
    assert (found.records, found.breaks) == (len(rows), [])


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_another_reader_reads_the_same(rows):
    near = [(v, on, booked) for v, on, booked in rows if abs(on - booked).days < 30]
    text = written(near, Decimal("1.00"), Decimal("1.00"))
    theirs = other.parse(text, options=other.Options.all())
    ours = mt940.read(text.encode()).rows
    assert [
        (t.data["amount"].amount, t.data["date"], t.data["entry_date"], t.data["purpose"],
         t.data["bank_reference"], t.data["applicant_name"], t.data["applicant_iban"])
        for t in theirs
    ] == [
        (r["amount"], r["value_date"], r["booking_date"], r["purpose"],
         r["bank_reference"], r["counterparty"], r["counterparty_account"])
        for _, r in ours
    ]  # fmt: skip
