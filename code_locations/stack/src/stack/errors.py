"""The base of every error that a user can fix."""

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
    """`text` on one line without secrets, white space collapsed, cut to `longest` characters.

    Characters that databases or logs refuse (NUL, other controls, half a surrogate pair) become
    question marks.
    """
    line = redact("".join(c if c.isprintable() else "?" for c in " ".join(str(text).split())))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def reason(error: BaseException) -> str:
    """An exception's message on one line, or its type if it has none."""
    return one_line(error) or type(error).__name__
