"""`stack logs`: what runs did, as lines for people.

`finding` resolves which runs are meant, `events` turns a run's events into lines, `output` has what
steps wrote to stdout and stderr, and `cli` is the command.
"""
