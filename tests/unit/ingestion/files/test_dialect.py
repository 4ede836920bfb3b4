"""A file's delimiter and header are found, or it is refused; no row is taken for a header."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from ingestion.files.errors import UnreadableFileError
from support.parsing import Table, accounted, connected, read


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return connected()


@pytest.fixture
def table_of(connection, tmp_path) -> Callable[[bytes], Table]:
    return lambda content: read(connection, tmp_path, content)


UBS = (
    "Kontonummer:;0230 00123456.01;\nIBAN:;CH93 0023 0230 0012 3456 0;\nVon:;2026-11-01;\n"
    "Anfangssaldo:;100.00;\nBewertet in:;CHF;\nAnzahl Transaktionen:;2;\n\n"
    "Datum;Valuta;Betrag;Text;\n2026-11-02;2026-11-02;1190.00;Nord;\n2026-11-03;2026-11-03;-85.10;"
    "Strom;\n"
)
MBANK = (
    "mBank S.A.;\nSkrytka Pocztowa 2108;\n#Klient;\nJAN KOWALSKI;\n\n"
    "#Data;#Opis;#Kwota;\n2026-11-02;PRZELEW;1190,00;\n2026-11-03;Strom;-85,10;\n"
)

ACCOUNTS = ";\n" + "".join(
    f'"{name}";"30 Tage";\n"Neuer Stand";"9,00";\n\n"Tag";"Valuta";"Art";"Text";"Umsatz";\n'
    + rows * '"30.01.2026";"30.01.2026";"x";"a";"1,50";\n'
    + '\n"Alter Stand";"9,00";\n\n'
    for name, rows in (("Giro", 2), ("Tagesgeld", 1))
)


@pytest.mark.parametrize(
    ("text", "headers", "first", "rows"),
    [
        ("Bericht;;;\n;;;\nDatum;Kunde;Std;Betrag\n02.01.2026;A;1,5;9\n03.01.2026;B;2,5;8\n",
         ("Datum", "Kunde", "Std", "Betrag"), "A", 2),
        (UBS, ("Datum", "Valuta", "Betrag", "Text", ""), "Nord", 2),
        (MBANK, ("#Data", "#Opis", "#Kwota", ""), "PRZELEW", 2),
        ("sep=;\nid;name\n1;a\n", ("id", "name"), "a", 1),
        ("Kunde;2024;2025\nA;1;2\nB;3;4\n", ("Kunde", "2024", "2025"), "A", 2),
        ("Kunde;01.2026;02.2026\nA;1;2\nB;3;4\n", ("Kunde", "01.2026", "02.2026"), "A", 2),
        ("a,b\n1,x,\n2,y,\n", ("a", "b", ""), "x", 2),
        ("a;b;\n1;x;\n2;y;\n", ("a", "b", ""), "x", 2),
        ("name;city\nNord;Hamburg\nSüd;München\n", ("name", "city"), "Nord", 2),
        ("note\nhello, world\nfoo\nbar, baz\n", ("note",), "hello, world", 3),
        ('id,note\n1,"a;b;c;d"\n2,"e;f;g;h"\n', ("id", "note"), "a;b;c;d", 2),
        ('id,"Betrag\nin EUR"\n1,"1,50"\n', ("id", "Betrag\nin EUR"), 1, 1),
        ('id,note\n1,"say \\"hi\\", ok"\n2,"b"\n', ("id", "note"), 'say "hi", ok', 2),
        ('id,note\n1,"C:\\dir\\"\n2,"b"\n', ("id", "note"), "C:\\dir\\", 2),
        ("id,note\n1,#x\n#2,y\n", ("id", "note"), "#x", 2),
        ("id,name\r1,a\r2,b\r", ("id", "name"), "a", 2),
        ("id,name\r\n1,a\n2,b\r3,c\r\n", ("id", "name"), "a", 3),
        ("id;name\n1;a\nid;name\n2;b\n", ("id", "name"), "a", 2),
        ("id,name,amount\n", ("id", "name", "amount"), None, 0),
        ("Page 1\nid,n\n1,5\n2,6\nPage 2\nid,n\n3,1\n", ("id", "n"), 5, 3),
        ("no;a;b\n1;0,00;\n2;0,", ("no", "a", "b"), 1, 1),  # cut off, as the next one is
        ("no;a;b\n1", ("no", "a", "b"), None, 0),
        ('"no";"a"\n"1"', ("no", "a"), None, 0),
        ("name\nNord, Süd\nWest", ("name",), "Nord, Süd", 2),
        ("Account,123\nFrom,2026-01-01\n\nDay,Sum\n2026-01-05,1\n2026-01-06,2\n",
         ("Day", "Sum"), 1, 2),
        ("name,score\nAnn,absent\nBob,5\nCid,6\n", ("name", "score"), "absent", 3),
        ("id;note\n1;a\n2;b\n\n3;see below\n4;c\n", ("id", "note"), "a", 4),
        ("client,hours\nA,1\n\nB,n/a\n\nC,none\nD,3\n", ("client", "hours"), "1", 4),
        ("note;n\na;1\n\nsee below;\nb;2\n", ("note", "n"), "a", 3),
        ("client,2026-01-01,2026-02-01\nA,10.5,20\nB,1,5\n",
         ("client", "2026-01-01", "2026-02-01"), "A", 2),
        ("Sales 2026,,\n,Jan,Feb\nA,1,2\nB,3,4\n", ("", "Jan", "Feb"), "A", 2),
        ("day,Q1,Q1\nMon,open,open\nTue,5,6\n", ("day", "Q1", "Q1"), "open", 2),
        ("item,low,low\nA,n/a,none\nB,5,6\n", ("item", "low", "low"), "n/a", 2),
        ("Report;Sales;;\nclient;hours;rate;rate\nA;1;5;6\nB;2;6;7\n",
         ("client", "hours", "rate", "rate"), 5, 2),
        ("week,1,2,3\nA,5,6,7\n", ("week", "1", "2", "3"), "A", 1),
        ("a|b\n--|5\n3|4\n", ("a", "b"), "--", 2),
        ("Report,\nid,n\n1,A\n\nReport,\nid,n\n2,B\n", ("id", "n"), 1, 2),
    ],
)  # fmt: skip
def test_the_header_and_the_rows_below_it_are_found(table_of, text, headers, first, rows):
    table = table_of(text.encode())
    assert table.parsed.headers == headers
    assert len(table.rows) == rows
    assert first is None or first in table.rows[0]
    assert accounted(table.parsed)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1\n2\n3\n", "no header"),
        ("01/11/2026,1190.00,Nord\n13/11/2026,-85.10,Power\n", "no header"),
        ("Nord;5\nSüd;7\n", "no header"),
        ("u_1,active\nu_2,active\nu_3,closed\n", "no header"),
        ("a,b,c,d\n1,2,3\n4,5,6\n", "4 cells .* have 3"),
        ("a,b\n1,2,3\n4,5,6\n", "2 cells .* have 3"),
        (",b,\n1,2,3\n4,5,6\n", "give each column a name"),
        ("id,betrag\n1,1,50\n2,2,75\n", "2 cells .* have 3"),
        ("id;name\n1;a\n2;b\n3;c\n\nnr;betrag;datum\n1;2,50;01.01.2026\n2;3,50;02.01.2026\n",
         "two tables: one begins in line 1, one in line 6"),
        ('id,note\n1,"a "b" c"\n2,x\n', "line 2: .* goes on after its end"),
        ('id,note\n1,"abc\n2,x\n', "line 2: .* never closes"),
        (" \nno;a\n1\n2\n3\n", "no line of its first 60"),
        ("\n \n\t\n", "only blanks"),
        ("id   name    n\n1    Nord    5\n2    Süd     7\n", "laid out by blanks"),
        # A cell that fills its column leaves no blank.
        (
            "client     town      amount     code\n"
            "Meyer      Leipzig   1234.50 EUR01067\n"
            "Nord       Kiel      -99.95     80331\n",
            "laid out by blanks",
        ),
        ("Sales\nid,n\n1,5\n2,6\n\nReturns\nid,n\n3,1\n", "line 6 .Returns. begins another"),
        ("a" * 10_001 + ",b\n1,2\n", "10,001 characters"),
        ("'day','n'\n'2026-01-05','1'\n", "in single quotes, as 'day'; declare quote: \"'\""),
        ("Invoice,1001\nClient,Nord\nTotal,1190.00\n", "no header: line 1 .Invoice, 1001"),
        ("Client;Jan;;Feb;\n;Hours;Sum;Hours;Sum\nA;1;2;3;4\n", "go on in line 2 .Hours, Sum"),
        ("Day,Way,Fuel\n,km,l\n2026-01-05,120.5,8\n", "go on in line 2 .km, l"),
        ("Client,Hours\nA,1\nB,2\n\nProject,Hours\nC,3\n", "line 5 has 'Hours' again"),
        ("Client,Hours\nA,1\nB,2\n\nProject,Days\nC,3\nD,4\n", "line 5 .Project, Days.*another"),
        ("Client,Hours\n" + "A,1\n" * 500 + "\nProject,Days\nB,1\n", "line 503 .*another"),
        ("id,n\n1,A\n2,B\n\ncity,zip\nUlm,89073\n", "line 5 .city, zip.*another"),
        ("id,n,x\n1,A,b\n2,B,c\n\ncity,zip,\nUlm,89073,\n", "line 5 .city, zip.*another"),
        ('id,n\n1,"A"\n2,B\n\ncity,zip\nUlm,"89073"\n', "line 5 .city, zip.*another"),
        (",Q1,Q1\nclient,plan,actual\nA,10,20\nB,1,2\n", "go on in line 2 .client, plan, ac"),
        ("Client,Q1,Q1\nName,plan,actual\nA,10,20\nB,1,2\n", "go on in line 2 .Name, plan"),
        (",Q1,,Q2,\nclient,plan,actual,plan,actual\nA,1,2,3,4\n", "begin in line 1 .Q1, Q2"),
        ("client;2026;\n;plan;actual\nA;1;2\nB;3;4\n", "begin in line 1 .client, 2026"),
        ("Sales\nDay;Sum\nMon;5\nTue;7\n\nCosts\nDay;Cost\nMon;1\nTue;2\n",
         "line 2 is the header of rows with a semicolon between 2 cells"),
        ("id,n,v\n1,A,5\nv,id,n\n7,2,B\n", "line 3 .v, id, n. has the names .* in another order"),
        ("id,n,v\n" + "1,A,5\n" * 300_000 + "v,id,n\n7,2,B\n", "line 300002 .*another order"),
        ("id: 1\nn: A\n\nid: 2\nn: B\n", "pairs of a name and a value, as id: 1"),
        ("A,1,2\nB,3,4\n", "no header: line 1 .A, 1, 2"),
        ("id,n\n1,A\n\ncity,zip\nUlm,89073\n", "line 4 .city, zip.*another"),
        ("a|b\n---|---\n1|2\n", "drawn with lines"),
        ("Zeit;01.01.2026;31.01.2026\nDatum;Kunde;Betrag\n05.01.2026;A;5,00\n06.01.2026;B;6,50\n",
         "line 1 .Zeit, .* is no header of the rows"),
        (ACCOUNTS, "no line fits as the header of columns, and line 2"),
    ],
)  # fmt: skip
def test_what_has_no_header_is_refused_and_says_why(table_of, text, told):
    with pytest.raises(UnreadableFileError, match=told):
        table_of(text.encode())


def test_single_quotes_are_read_where_they_are_declared(connection, tmp_path):
    content = b"'day','who'\n'2026-01-05','Nord, Ulm'\n'2026-01-06','it''s'\n"
    table = read(connection, tmp_path, content, quote="'")
    assert [who for _, who in table.rows] == ["Nord, Ulm", "it's"]


HEAD = "Datum;Kunde;Std;Betrag\n02.11.2026;Nord;1,5;142,50\n03.11.2026;Süd;2;190,00\n"


@pytest.mark.parametrize(
    ("below", "rows", "aside"),
    [
        ("Summe;;3,5;332,50\n", 2, 1),
        (";;;\nSumme;;3,5;332,50\n", 2, 2),
        ("TOTAL;;;332,50\n;;;\nFriday, Nov 27, 2026;;;\n", 2, 3),
        ("01.11.2026;Anfangssaldo;;\n03.11.2026;Endsaldo;;\n", 2, 2),
        ("2 Buchungen\n", 2, 1),
        ("04.11.2026;Total;3,5;332,50\n", 3, 0),
        ("04.11.2026;Süd;;\n", 3, 0),
    ],
)
def test_totals_at_the_end_are_no_rows_and_types_stand(table_of, below, rows, aside):
    table = table_of((HEAD + below).encode())
    assert (len(table.rows), len(table.parsed.aside)) == (rows, aside)
    assert table.types[0] == "DATE"
    assert accounted(table.parsed)


@pytest.mark.parametrize(
    "content",
    [
        b"a",
        b"a\n",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xff",
        b'"',
        b",",
        b"\n",
        b"1",
        b"\0",
        b"{",
        b"[]",
        b"PK",
        b"\x1f\x8b",
    ],
)
def test_the_smallest_files_have_no_rows_or_are_refused(table_of, content):
    try:
        table = table_of(content)
    except UnreadableFileError:
        return
    assert not table.rows
