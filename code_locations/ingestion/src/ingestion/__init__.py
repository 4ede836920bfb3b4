"""Code location: ingestion. From sources into raw tables.

- `loaders`: what a loader is; `registry`: all of them, a line each.
- The loaders: `books` (exports at a URL), `incoming` (files that arrive), `sources` (APIs and
  databases, a YAML file each), `airbyte` (connectors on this machine, or a server).
- `files`: from a file's bytes to Parquet; `loading`: from Parquet into the warehouse, by dlt.
- `layouts`: exports that are recognised by their header, and what they give to the books;
  `connect`: the command for files that no layout knows; `profile_cli`: how a file would be read.
- `quarantine`: what could not be loaded, and `quarantine_cli`, the command for it; `backup`: all of
  the stack in one file, and back.
- `loader_asset`, `table_view`, `assets`: Dagster's side of a loader; `remediation`: the first stage
  of a remediation; `github`: the sensor of releases; `health`: what Airbyte and GitHub say.
- `sample_data`: the generator of the sample books.
"""
