"""Layouts of exports that people have: how each is recognised and read, and what it feeds.

Each is a YAML file beside this one, named for the layout. `layout` is what it may say,
`recognition` finds a header's layout, `feeding` turns a file's rows into rows of the books' tables.
A new layout is one file here and one sample for its test: docs/how-to/add-a-layout.md.
"""

from ingestion.layouts.layout import CURRENCY, Feed, Layout
from ingestion.layouts.recognition import layouts, recognise

__all__ = ["CURRENCY", "Feed", "Layout", "layouts", "recognise"]
