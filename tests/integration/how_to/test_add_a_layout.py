"""The how-to page about layouts, followed literally."""

import sys

from support.how_to import Copy


def test_a_layout_is_one_file_and_one_sample(tmp_path):
    copy = Copy.make(tmp_path / "checkout")
    copy.follow("add-a-layout.md")
    tests = ["tests/unit/ingestion/layouts", "-k", "sundial"]
    done = copy.run([sys.executable, "-m", "pytest", "-q", *tests])
    assert "5 passed" in done.stdout, done.stdout + done.stderr
