"""Runs `stack connect` as a user does."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from ingestion.connect.cli import connect


def run(*arguments: str | Path) -> Result:
    """Run it without models, and without a terminal."""
    return CliRunner().invoke(connect, [*map(str, arguments), "--no-models"])


def refused(*arguments: str | Path) -> str:
    """The one line that says why nothing was done."""
    told = run(*arguments)
    assert told.exception is not None, told.output
    line = str(told.exception)
    assert "\n" not in line
    return line
