"""The base of every error that a user can put right."""

from __future__ import annotations

from stack.redaction import redact


class StackError(Exception):
    """One line: what it is about, what was found, what was expected, and the next step.

    Each kind of process has one place that shows it as this line, without a traceback. `str()` is
    the line; the parts stay readable as attributes.
    """

    def __init__(
        self, what: str, *, found: str = "", expected: str = "", next_step: str = ""
    ) -> None:
        self.what, self.found, self.expected, self.next_step = what, found, expected, next_step
        facts = ", ".join(
            f"{word} {fact}" for word, fact in (("found", found), ("expected", expected)) if fact
        )
        line = f"{what}: {facts}" if facts else what
        super().__init__(one_line(f"{line}; {next_step}" if next_step else line))


def one_line(text: object, longest: int = 2000) -> str:
    """`text` with every run of white space as one space, without secrets, at most `longest`.

    What no database or log takes (NUL, other controls, half a character) is a question mark.
    """
    line = redact("".join(c if c.isprintable() else "?" for c in " ".join(str(text).split())))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def reason(error: BaseException) -> str:
    """What an exception says, in one line; its type where it says nothing."""
    return one_line(error) or type(error).__name__
