"""Sources by configuration: any REST API or SQL database, one YAML file each.

`declarations` reads the files. `rest` (with `exact_json`) and `sql` make a dlt source of each
table, `reading` reads its rows and cursor, `staging` writes them to Parquet with stable types,
`loading` loads one source and `loader` all of them. docs/how-to/add-a-source.md shows one of each.
"""
