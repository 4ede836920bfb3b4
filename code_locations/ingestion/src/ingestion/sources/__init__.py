"""Sources by configuration: any REST API and any SQL database, a YAML file each.

`declarations` reads the files, `building` makes dlt sources of them, `loader` loads them, each by
itself. docs/how-to/add-a-source.md shows one of each.
"""
