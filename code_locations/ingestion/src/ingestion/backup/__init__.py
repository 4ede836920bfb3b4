"""Backup and restore: all that the stack knows, in one file that plain tools can read.

`making` writes a backup, part by part and while runs go on; `restoring` reads one into an empty
stack. The parts: `runs` (Dagster's database), `folders` (results, files, alerts), `warehouse`; each
saves and restores. `archive` is the file: a tar, gzipped, encrypted with age where there is a key.
`manifest` is what it says of itself, `place` where backups lie and for how long. `sqlite` and
`postgres` copy a database as it was at one moment. `cli`: `stack backup` and `stack restore`.
"""
