"""Files of people and tools, from bytes to Parquet for a raw table; knows nothing of Dagster.

- `listing` says which files there are, `names` which table and columns they are named for,
  `fetching` brings one to this machine.
- `reading` is the way of one file: `identify` (packing, kind; `encoding`) → `dialect` (delimiter,
  header; `looks` tells names from data) → `delimited` (cells as text, counted twice: `quoted`) →
  `records` → `proof` (types; `forms` are how values are written) → `conform` (the table's columns).
- Other kinds end in `records`, too: `json_records`, `sheets` (over `workbook`), `bank`. `parquet`
  has types of its own and goes to the table at once; `types` converts its values, or refuses.
- `rules` are what may be declared, and beats what is found; `profile` tells all of it to a person;
  `errors` is what stops one file.
"""
