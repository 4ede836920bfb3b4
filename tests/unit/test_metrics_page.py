"""The page of metrics lists the declared ones."""

from observability.metrics.declared import METRICS
from scripts.metrics_page import FILE, render


def test_it_is_what_make_docs_writes():
    page = FILE.read_text()
    assert page == render(page), "run `make docs`"
    assert all(page.count(f"| `{metric.name}` |") == 1 for metric in METRICS)
