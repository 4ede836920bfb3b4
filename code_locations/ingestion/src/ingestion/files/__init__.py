"""Files from people and tools, from bytes to Parquet for a raw table; knows nothing of Dagster.

- `listing` finds the files, `names` derives table and column names, and `fetching` copies a file to
  this machine.
- `reading` takes a file through `identify` (packing, kind; `encoding`, which `letters` judge;
  `foreign` says what isn't read) → `dialect` (delimiter, header, from the rows of a `sample`;
  `no_table` says why there is none, `tidy` rewrites what has blanks or quotes around cells or
  lines) → `delimited` (cells as text, counted a second way by `quoted`; `second_table` refuses
  others below or beside) → `records` → `proof` (types; `forms` are how values are written, `codes`
  what only looks like numbers) → `conform` (the table's columns; `table_rows` makes its rows,
  without those that are `skipped`, and `written` is what it remembers of how values were written).
- `looks` tells header, data and totals apart, with `sums` and `footer`; `currencies` lists them.
- Other kinds end in `records` too: `json_records`, `sheets` (over `workbook`), `bank`. `parquet`
  has its own types and skips the proof; `types` converts its values or refuses them.
- `rules` are what may be declared, and override what is found. `profile` shows a person all of
  this. `errors` has the error that stops one file.
"""
