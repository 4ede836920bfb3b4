"""dbt's sources, generated from the registry of raw tables whenever the project is parsed."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from stack.artifacts import ArtifactError, ArtifactStore
from stack.declarations import DeclarationError, load_yaml
from stack.load_report import read_reports
from stack.raw import RawTable, raw_tables

logger = logging.getLogger(__name__)
# A dbt package of its own, so that what dbt compiles of it stays below the target folder.
PACKAGE = "raw"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def known_tables(artifacts: str) -> tuple[RawTable, ...]:
    """The declared raw tables, and those that a loader has reported.

    Reports on a server are left out: a code location loads without the network.
    """
    found = {table.table_name: table for table in raw_tables()}
    if "://" not in artifacts.removeprefix("file://"):
        try:
            reports = read_reports(ArtifactStore(artifacts))
        except ArtifactError as error:
            logger.warning("no dbt sources from load reports: %s", error)
            reports = {}
        for report in reports.values():
            for table in (part.table for part in report.tables.values()):
                # A file's name must not keep the project from being parsed.
                if _NAME.fullmatch(table.table_name):
                    found.setdefault(table.table_name, table)
    return tuple(found.values())


def hand_written(files: Iterable[Path]) -> set[tuple[str, str]]:
    """Source and table names that the project declares itself, in YAML."""
    found = set()
    for file in files:
        text = file.read_text() if file.suffix == ".yml" else ""
        if "sources:" not in text:
            continue
        try:
            sources = load_yaml(text).get("sources") or []
            found |= {(s["name"], t["name"]) for s in sources for t in s.get("tables") or []}
        except (DeclarationError, AttributeError, KeyError, TypeError):
            continue  # dbt reports the broken file itself, with its line
    return found


def sources_document(
    tables: Iterable[RawTable], raw_schema: str, *, without: Collection[tuple[str, str]], keys: bool
) -> str:
    """The document for dbt, as JSON, which is YAML too. `keys`: test each table's primary key."""
    sources: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        if (table.source, table.name) not in without:
            sources.setdefault(table.source, []).append(_table(table, keys=keys))
    document = {
        "version": 2,
        "sources": [
            {"name": name, "schema": raw_schema, "tables": found} for name, found in sources.items()
        ],
    }
    # Descriptions are plain text: dbt would render their braces.
    return json.dumps(document, indent=1).replace("{{", "{ {").replace("{%", "{ %")


def package_files(document: str) -> dict[str, str]:
    """The package that holds the sources: content by path."""
    project = f"name: {PACKAGE}\nversion: '1.0'\nconfig-version: 2\nmodel-paths: [models]\n"
    return {
        f"{PACKAGE}/dbt_project.yml": project,
        f"{PACKAGE}/models/_raw__sources.yml": document,
    }


def _table(table: RawTable, *, keys: bool) -> dict[str, Any]:
    key = table.primary_key if {c.name for c in table.columns}.issuperset(table.primary_key) else ()
    test = ["primary_key"] if len(key) == 1 else ["not_null"]
    together = {"unique_together": {"arguments": {"columns": list(key)}}}
    return {
        "name": table.name,
        "identifier": table.table_name,
        "description": table.description,
        "data_tests": [together] if keys and len(key) > 1 else [],
        "columns": [
            {
                "name": column.name,
                "data_type": column.type,
                "description": column.description,
                "data_tests": test if keys and column.name in key else [],
            }
            for column in table.columns
        ],
    }
