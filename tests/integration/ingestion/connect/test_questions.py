"""`stack connect` asks what files don't show; without a terminal, a line names the flags."""

import os
import pty
import subprocess

from support.connecting import refused, run
from support.stack_process import COMMAND, StackProcess

BILLING = (
    "Invoice Number,Invoice Date,Client Name,Amount\n"
    '1001,03/04/2026,Acme,"$1,200.00"\n1002,05/06/2026,Foo,$80.50\n'
)


def test_a_terminal_is_asked_only_what_nothing_decides(inbox, client, stack_home):
    (client / "billing.csv").write_text(BILLING)
    ours, theirs = pty.openpty()
    answers = ("mdy", "invoices", "Amount", "0", "USD", "y")
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    done = subprocess.run(
        [COMMAND, "connect", str(client), "--no-models"], stdin=theirs, capture_output=True,
        text=True, env=StackProcess(stack_home).env(), check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = inbox.rows(
        "select issued_on::varchar, net_amount, tax_amount, currency from exports_invoices "
        "order by issued_on"
    )
    assert found == [("2026-03-04", 1200, 0, "USD"), ("2026-05-06", 80.5, 0, "USD")]
    assert done.stdout.count("dd/mm/yyyy") == 1


def test_each_question_has_a_flag(inbox, client, stack_home):
    (client / "billing.csv").write_text(BILLING)
    said = [client]
    for expected, *flags in (
        ("--dates dmy or --dates mdy", "--dates", "mdy"),
        ("--as invoices or --as none", "--as", "invoices"),
        ("--column net=Amount", "--column", "net=Amount", "--column", "tax=0"),
        ("--currency", "--currency", "USD"),
    ):
        line = refused(*said)
        assert line.startswith("stack connect: found billing: ")
        assert expected in line
        said += flags
    assert not (stack_home / "files").exists()


def test_an_answer_is_for_the_table_that_asks(inbox, client, stack_home):
    """Hours stay hours, though the other file's rows are said to be no invoices."""
    (client / "billing.csv").write_text(BILLING)
    (client / "hours.csv").write_text("date,client,hours\n2026-03-02,Acme,1.5\n")
    (client / "visits.csv").write_text("town,street\nA,x\nB,y\n")
    told = run(client, "--dates", "mdy", "--as", "none", "--key", "none")
    assert told.exit_code == 0, told.output
    assert inbox.rows("select minutes from exports_time_entries") == [(90,)]
    assert inbox.rows("select count(*) from files_billing") == [(2,)]
    assert "files_billing: key invoice_number" in told.output
    assert "files_visits: key none" in told.output
    (client / "billing.csv").unlink()
    assert "none of which leaves open" in refused(client, "--key", "none", "--as", "none")
