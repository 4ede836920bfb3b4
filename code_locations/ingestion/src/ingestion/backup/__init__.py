"""Backup and restore: everything that the stack knows, in one file that plain tools can read.

`making` writes a backup part by part while runs go on; `restoring` reads one into an empty stack.
The parts are `runs` (Dagster's database), `folders` (results, files, alerts) and `warehouse`; each
saves and restores itself. `archive` is the file: a gzipped tar, encrypted with age if there is a
key. `manifest` describes its contents, `place` where backups are and how long they are kept.
`sqlite` and `postgres` copy a database as of one moment. `cli`: `stack backup` and `stack restore`.
"""
