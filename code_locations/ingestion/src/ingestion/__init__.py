"""Code location `ingestion`: loads sources into raw tables.

- `loaders` defines what a loader is; `registry` lists all of them.
- The loaders: `books` (exports at a URL), `incoming` (files that arrive), `sources` (APIs and
  databases, one YAML file each), `airbyte` (local connectors, or a server).
- `files` turns a file's bytes into Parquet; `loading` loads Parquet into the warehouse with dlt.
- `layouts` recognises exports by their header and feeds them to the books; `connect` is the command
  for files that no layout knows; `profile_cli` shows how a file would be read.
- `quarantine` has what couldn't be loaded, `quarantine_cli` is the command for it; `backup` saves
  and restores the whole stack as one file.
- `loader_asset` (with `load_checks`, `load_metadata`, `table_view`, `freshness`) and `assets` are
  Dagster's side of a loader; `remediation` is the first stage of a remediation, `github` the sensor
  of releases, `health` the checks of Airbyte and GitHub.
- `sample_data` generates the sample books.
"""
