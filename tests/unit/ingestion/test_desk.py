"""The table of what is set aside is limited in size, and says what is left out."""

from datetime import UTC, datetime

import pytest

from ingestion.desk import Desk
from ingestion.quarantine import Quarantine
from ingestion.settings import QuarantineSettings
from stack.load_report import InputReport, LoadReport, SetAside
from stack.quarantine import Entry
from stack.settings import load_settings


@pytest.fixture
def quarantine(stack_home) -> Quarantine:
    return Quarantine(load_settings(QuarantineSettings).quarantine)


def note_files(quarantine: Quarantine, count: int) -> None:
    for number in range(count):
        quarantine.note(
            Entry(
                id=f"{number:012x}",
                loader="files",
                kind="file",
                path=f"{number}.json",
                reason=f"why\n{'long ' * 100}",
                place=f"/kept/{number}.json",
                at=datetime(2026, 1, 2, 3, number % 60, tzinfo=UTC),
            )
        )


def records(count: int) -> list[dict]:
    return [{"line": n, "reason": f"line {n} is wide", "cells": []} for n in range(2, count + 2)]


def waiting(loader: str = "files") -> list[dict]:
    return [record.data for record in Desk.of([loader]).waiting_table().records]


def test_an_empty_quarantine_is_an_empty_table(stack_home):
    assert waiting() == []


def test_a_hundred_rows_are_shown_and_the_others_counted(quarantine):
    note_files(quarantine, 110)
    quarantine.keep_records("files", "z.csv", "files_z", "wide", records(7))
    rows = waiting()
    assert len(rows) == 101
    assert rows[-1]["reason"] == "and 17 more: stack quarantine"
    assert all(len(row["reason"]) <= 300 and "\n" not in row["reason"] for row in rows)


def test_of_one_input_some_rows_are_shown_and_the_others_counted(quarantine):
    entry = quarantine.keep_records("files", "a.csv", "files_a", "wide", records(25))
    rows = waiting()
    assert [row["line"] for row in rows] == [*map(str, range(2, 12)), ""]
    assert rows[-1]["reason"] == f"and 15 more of it: stack quarantine show {entry.id}"


def test_only_entries_of_the_asset_s_loaders_are_shown(quarantine):
    note_files(quarantine, 1)
    assert waiting("airbyte") == []


def test_what_is_in_no_entry_has_nothing_to_be_done_about_it(quarantine):
    kept = quarantine.keep_records("files", "a.csv", "files_a", "wide", records(1))
    quarantine.settle(kept)
    parts = (SetAside(reason="a total", records=3), kept.told())
    inputs = (InputReport(name="a.csv", table="files_a", set_aside=parts),)
    report = LoadReport(loader="files", asset="file_processing", inputs=inputs)
    rows = [record.data for record in Desk.of(["files"]).set_aside_table([report]).records]
    assert [(row["line"], row["reason"], row["put back"]) for row in rows] == [
        ("3 records", "a total", "nothing to do"),
        ("", "wide", "it was settled since"),
    ]
