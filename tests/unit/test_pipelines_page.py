"""The page of pipelines matches the declarations."""

from scripts.pipelines_page import FILE, render
from stack.pipelines import PIPELINES


def test_it_is_what_make_docs_writes():
    assert FILE.read_text() == render(), "run `make docs`"


def test_every_pipeline_has_a_row_with_what_starts_it():
    page = render()
    assert all(f"| `{pipeline.name}` |" in page for pipeline in PIPELINES)
    assert "`daily_pipeline_schedule`, `0 2 * * *` UTC" in page
    assert "`github_release_sensor`" in page
