"""List the licences of the locked packages, and refuse those not allowed: `make licences`.

`licences.yml` declares what is allowed.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from ingestion.settings import AirbyteSettings
from scripts.chart_values_page import ROOT
from stack.declarations import Declaration, load_declaration
from stack.errors import StackError
from stack.markdown import markdown_table
from stack.settings import load_settings

FILE = Path(__file__).with_name("licences.yml")


class LicenceError(StackError):
    """A package has a licence that isn't allowed, or none that is known."""


class Apart(Declaration):
    """A package whose licence is known to differ from what it says."""

    licence: str
    why: str


class Allowed(Declaration):
    """Licences (SPDX) allowed for all packages, other names for them, and single packages."""

    licences: list[str]
    names: dict[str, str]
    packages: dict[str, Apart]


@dataclass(frozen=True)
class Found:
    """A package, its licence in SPDX's words or its own, and whether that is allowed."""

    name: str
    version: str
    licence: str
    allowed: bool
    why: str = ""


def look(packages: Iterable[tuple[str, str, str]], allowed: Allowed) -> list[Found]:
    """Judge packages, given as name, version, and stated licence."""
    found = []
    for name, version, said in packages:
        if apart := allowed.packages.get(name):
            found.append(Found(name, version, apart.licence, True, apart.why))
        else:
            licence = allowed.names.get(said, said) or "unknown"
            found.append(Found(name, version, licence, _is_allowed(licence, allowed.licences)))
    return found


def installed(lock: Path, connectors: Path) -> list[tuple[str, str, str]]:
    """Name, version and stated licence of the packages installed here.

    These are the locked ones, except those for other systems, and the connectors' environments.
    """
    locked = [p for p in tomllib.loads(lock.read_text())["package"] if "registry" in p["source"]]
    found = []
    for package in locked:
        try:
            metadata = importlib.metadata.metadata(package["name"])
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append((package["name"], package["version"], said_by(metadata)))
    for folder in sorted(connectors.glob("*/lib/python*/site-packages")):
        for of in importlib.metadata.distributions(path=[str(folder)]):
            name = re.sub(r"[-_.]+", "-", of.metadata["Name"]).lower()
            found.append((name, of.version, said_by(of.metadata)))
    return sorted(set(found))


def said_by(metadata: importlib.metadata.PackageMetadata) -> str:
    """A package's SPDX expression, or its classifiers, or the first line of its licence text."""
    if expressions := metadata.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = metadata.get_all("Classifier") or []
    names = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")]
    if names and names != ["OSI Approved"]:
        return " / ".join(names)
    [text, *_] = metadata.get_all("License") or [""]
    return str(text).strip().partition("\n")[0]


def page(found: Iterable[Found]) -> str:
    """A table with one row for each package."""
    rows = (
        (f.name, f.version, f.licence if f.allowed else f"{f.licence} (refused)", f.why)
        for f in found
    )
    return markdown_table(("package", "version", "licence", "note"), rows, None)


def check(found: Iterable[Found]) -> None:
    """Raise LicenceError if something isn't allowed."""
    refused = [f"{f.name} ({f.licence})" for f in found if not f.allowed]
    if refused:
        raise LicenceError(
            f"licences that nobody allowed: {', '.join(refused)}",
            next_step=f"use another package, or allow it in scripts/{FILE.name} with the reason",
        )


def _is_allowed(licence: str, allowed: Iterable[str]) -> bool:
    """Judge an SPDX expression: AND needs all of its parts allowed, OR needs one."""
    text = licence.strip()
    while text.startswith("(") and text.endswith(")") and ")" not in text[1:-1]:
        text = text[1:-1]
    parts = _split(text, " AND ")
    if len(parts) > 1:
        return all(_is_allowed(part, allowed) for part in parts)
    parts = _split(text, " OR ")
    return any(_is_allowed(p, allowed) for p in parts) if len(parts) > 1 else text in allowed


def _split(text: str, word: str) -> list[str]:
    """Split outside of parentheses."""
    parts, depth = [""], 0
    for piece in re.split(rf"({re.escape(word)}|[()])", text):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == word and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


@click.command()
def licences_command() -> None:
    """Print the licence of each package of the lock; fail if one isn't allowed."""
    allowed = load_declaration(FILE, Allowed)
    found = look(installed(ROOT / "uv.lock", load_settings(AirbyteSettings).connectors), allowed)
    click.echo(page(found))
    check(found)
