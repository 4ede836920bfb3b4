"""Layouts of exports that people have: what each is recognised by, how it is read, what it feeds.

A YAML file each beside this one, named for the layout; `layout` is what it may say, `recognition`
finds the layout of a header, `feeding` makes rows of the books' tables of a file's rows. A new
layout is one file here and one sample for its test: docs/how-to/add-a-layout.md.
"""

from ingestion.layouts.layout import CURRENCY, Feed, Layout
from ingestion.layouts.recognition import layouts, recognise

__all__ = ["CURRENCY", "Feed", "Layout", "layouts", "recognise"]
