"""What a cell looks like, however long it is."""

from __future__ import annotations

import time

import pytest

from ingestion.files.looks import class_of

MANY = 50_000


@pytest.mark.parametrize(
    ("cell", "looks"),
    [
        ("a@b.c", "mail"),
        ("a.b@c.d.example", "mail"),
        ("a@..b", "mail"),
        ("a@.b", ""),
        ("a@b.", ""),
        ("a@b", ""),
        ("a@b@c.d", ""),
        ("ch_1a", "id"),
        ("ch_a_9", "id"),
        ("ch_abc", ""),
        ("CH_1", ""),
    ],
)
def test_mails_and_ids_are_told_from_words(cell, looks):
    assert class_of(cell) == looks


@pytest.mark.parametrize(
    "cell",
    [
        f"a@{'.' * MANY} x",
        f"ab_{'1' * MANY} x",
        f"({' ' * MANY}x",
        f"1{' .' * MANY}x",
        f"{'a' * MANY}@",
        f"01.02.2026 {'1' * MANY}\nx",
    ],
    ids=lambda cell: cell[:5],
)
def test_a_long_text_takes_no_longer_than_its_length(cell):
    started = time.process_time()
    assert class_of(cell) == ""
    assert time.process_time() - started < 1
