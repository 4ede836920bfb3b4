"""Loads files of any kind, dropped into a folder or bucket, into raw tables.

The folder is the queue: what is in it is still to be loaded. Loaded files move to `processed`,
files that can't be loaded to the quarantine. Each row names its file (`_file`, and `_file_id`, a
hash of the content), so the table itself records which files it has.

`inbox` is the folder, `declared` what people declare about its files, `reading` turns a file into
Parquet, and `tables` knows what the warehouse has; `full` finds what full exports lack. `load_run`
puts them together for `loader`, and `outcomes` notes what becomes of each file. For `sensor`:
`waiting` finds complete files, `runs` the tables that other runs are loading, and `downstream`
whether a model uses a table.
"""
