"""`stack status`: the state of the stack, on one screen.

`verdict` says whether a person is needed, `screen` shows it, `document` is the same for programs,
and `cli` is the command.
"""
