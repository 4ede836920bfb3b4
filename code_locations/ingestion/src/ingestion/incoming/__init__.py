"""Files of any kind that people and tools drop into a folder or bucket, into raw tables.

The folder is the queue: what lies in it is still to do, what is loaded moves to `processed`,
what can't be loaded to `quarantine` with its reason. Each row says which file it came from
(`_file`, and `_file_id`, a hash of the content), so the table itself knows which files it has.
Knows nothing of Dagster but for `assets` and `sensor`.
"""
