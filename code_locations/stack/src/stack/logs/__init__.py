"""What the stack's processes print, in the form that LOG_FORMAT asks for: text, or JSON lines.

`set_up_logs`, called when `stack` is imported, is the only switch. With `json`, `console` gives
every handler that writes to the console the same format, whichever library made it, and turns
warnings, uncaught errors and printed text into lines too; `format` defines a line's fields, and
`work` knows the run, step and location that a line belongs to. `plain` removes colours.

Every interpreter starts with `freelancer_stack_logs.pth`, which imports `stack` before anything
else can print. Such files are read in alphabetical order, so in a working copy
`freelancer_stack.pth`, which says where `stack` is, has to come first.
"""

from __future__ import annotations

import os

JSON = "json"
VARIABLE = "LOG_FORMAT"  # declared in `stack.settings`; read before pydantic can be imported


def writes_json() -> bool:
    """Whether this process writes its log as JSON."""
    return os.environ.get(VARIABLE, "").lower() == JSON


def set_up_logs() -> None:
    """Write the log as LOG_FORMAT asks; costs nothing when that is text."""
    if not writes_json():
        return
    from stack.logs.console import log_prints, serves, write_json

    write_json()
    if serves():
        log_prints()
