"""Sources by configuration: any REST API and any SQL database, a YAML file each.

docs/how-to/add-a-source.md shows one of each. Loaded by `dlt_ingestion_pipeline` beside the books.
"""
