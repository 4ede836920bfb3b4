"""Write `.env.example` from the settings classes: `make docs`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from stack.pipelines import Stage
from stack.settings import Settings

FILE = Path(__file__).parents[1] / ".env.example"
HEADER = """\
# Every variable of the stack; all are optional on one machine. Copy to .env and set what you
# need: `make` reads it. `${NAME}` in a value is replaced by another variable; write a secret that
# has it, or a #, within single quotes. Made by `make docs` from the settings classes.
"""


PROGRAMS = ("stack", *Stage, "observability")
# Those of commands that only run in a checkout.
COMMANDS = ("scripts.promotion",)


def settings_classes(packages: Sequence[str] = (*PROGRAMS, *COMMANDS)) -> list[type[Settings]]:
    """The settings classes of the stack, the locations in order, the observer, and commands."""
    names = [f"{package}.settings" for package in packages]
    modules = [importlib.import_module(name) for name in names if find_spec(name)]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Settings)
        and value is not Settings
        and value.__module__ == module.__name__
    ]


def render() -> str:
    """The text of `.env.example`: one block a class, one commented line a variable."""
    seen: set[str] = set()
    blocks = [HEADER]
    for cls in settings_classes():
        lines = [f"# --- {(cls.__doc__ or '').strip().splitlines()[0]}"]
        for name, field in cls.model_fields.items():
            if name not in seen:
                seen.add(name)
                lines += [f"# {_describe(field)}", f"# {name.upper()}={_default(field)}"]
        if len(lines) > 1:
            blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _describe(field: FieldInfo) -> str:
    secret = " (secret)" if SecretStr.__name__ in str(field.annotation) else ""
    return f"{(field.description or '').rstrip('.')}{secret}"


def _default(field: FieldInfo) -> str:
    default: Any = field.get_default(call_default_factory=False)
    return str(default) if isinstance(default, str | int | float) else ""


if __name__ == "__main__":
    FILE.write_text(render())
