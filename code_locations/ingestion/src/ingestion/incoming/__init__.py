"""Files of any kind that people and tools drop into a folder or bucket, into raw tables.

The folder is the queue: what lies in it is still to do, what is loaded moves to `processed`, what
can't be loaded to the quarantine. Each row says which file it came from (`_file`, and `_file_id`, a
hash of the content), so the table itself knows which files it has.

`inbox` is the folder, `declared` what people say of its files, `reading` makes Parquet of one, and
`tables` knows what the warehouse has; `loader` puts them together. For `sensor`: `waiting` says
which files are complete, `runs` which tables other runs load, `downstream` if a model uses one.
"""
