"""Exports of time trackers, dropped into the inbox under odd names, become worked time."""

from datetime import date

from stack.settings import WarehouseSettings, load_settings
from support.incoming import Incoming
from support.layouts import sample_of
from tests.integration.transformation.books_and_shop import mart
from tests.integration.transformation.conftest import run_dbt


def test_toggl_and_clockify_feed_the_books_staging(stack_home):
    incoming = Incoming(stack_home)
    for name, layout in (("a (1).csv", "toggl_detailed"), ("x/b.txt", "clockify_detailed")):
        sample = sample_of(layout)
        assert sample is not None
        incoming.drop(name, sample.read_bytes())
    incoming.process()
    assert not incoming.set_aside()
    settings = load_settings(WarehouseSettings)
    run_dbt(settings, "--select", "stg_books__time_entries", "stg_books__projects")
    columns = "worked_on, minutes, is_billable, note"
    assert mart(settings, "stg_books__time_entries", columns, schema="staging") == [
        (date(2026, 3, 2), 90, True, "Design, first draft"),
        (date(2026, 3, 2), 140, True, "Logo"),
        (date(2026, 3, 3), 15, True, "Standup"),
        (date(2026, 3, 3), 15, True, "Standup"),
        (date(2026, 3, 4), 90, False, "Night shift"),
        (date(2026, 3, 13), 30, True, "Call"),
        (date(2026, 3, 13), 30, True, "Call"),
        (date(2026, 3, 31), 75, False, "Late books"),
    ]
    assert mart(settings, "stg_books__projects", "project_name, hourly_rate", schema="staging") == [
        ("Admin", None),
        ("Own site", None),
        ("Rebrand", 90),
        ("Retainer", None),
        ("Website", None),
    ]
    # The next export overlaps: what was there is there once.
    incoming.drop("again.csv", sample_of("toggl_detailed").read_bytes() + b"\n")
    incoming.process()
    assert incoming.rows("select count(*) from exports_time_entries") == [(8,)]
