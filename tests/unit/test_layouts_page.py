"""The page of layouts matches the layouts."""

from ingestion.layouts import layouts
from scripts.layouts_page import FILE, render


def test_it_is_what_make_docs_writes():
    assert FILE.read_text() == render(), "run `make docs`"


def test_every_layout_has_a_row():
    page = render()
    assert all(f"| `{layout.name}` |" in page for layout in layouts())
