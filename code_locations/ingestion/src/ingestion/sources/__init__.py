"""Sources by configuration: any REST API and any SQL database, a YAML file each.

`declarations` reads the files. `rest`, with `exact_json`, and `sql` make a dlt source of each
table, `reading` takes its rows and its cursor, `staging` makes a Parquet file of them whose types
hold, `loading` loads a source's together, and `loader` all sources. docs/how-to/add-a-source.md
shows one of each.
"""
