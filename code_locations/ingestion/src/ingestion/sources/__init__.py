"""Sources by configuration: any REST API or SQL database, one YAML file each.

`declarations` reads the files. `rest` (with `exact_json` and `pages`) and `sql` (with `database`
and `rows`) make a dlt source of each table, `reading` reads its rows and cursor, `order` says which
rows are later, `staging` writes them to Parquet with stable types, `loading` loads one source and
`loader` all of them; `failures` says why a table wasn't read. docs/how-to/add-a-source.md shows one
of each.
"""
