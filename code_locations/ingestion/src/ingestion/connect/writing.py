"""Writes what was agreed, as files that a person reviews and keeps under version control."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ingestion.connect.proposal import ConnectError, Proposal
from ingestion.files.profile import ColumnProfile
from stack.declarations import load_yaml
from stack.sql import identifier

_MODELS = Path("code_locations/transformation/dbt/models/staging/files")
_SUITES = Path("code_locations/quality/great_expectations/suites/raw")
_RAW = Path("code_locations/stack/src/stack/raw/files.yml")
_RAW_HEAD = (
    "# Tables of arrived files that models are built on; `stack connect` adds to them.\n"
    "# A column reads `<DuckDB type>: <meaning>`.\n"
)


def declaration(proposal: Proposal) -> str:
    """The YAML of FILES_DIR: how these files are read, and what they fill."""
    read = proposal.read.model_dump(mode="json", exclude_defaults=True)
    document: dict[str, Any] = {"tables": [proposal.table], "read": read}
    if proposal.feeds:
        document["feeds"] = {
            name: feed.model_dump(exclude_defaults=True) for name, feed in proposal.feeds.items()
        }
    head = "".join(
        f"#   {c.name}: {c.type.lower()}, {c.reason}\n" for c in proposal.profiles[0].columns
    )
    return f"# Columns as they were found:\n{head}{_dump(document)}"


def write_declaration(proposal: Proposal, folder: Path) -> Path:
    """Write it. Raises ConnectError if another one of this name is there."""
    target = folder / f"{proposal.table}.yml"
    text = declaration(proposal)
    if target.exists() and target.read_text() != text:
        raise ConnectError(
            str(target),
            found="another declaration",
            next_step="remove it, or say another --table",
        )
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return target


def write_models(proposal: Proposal, root: Path) -> list[Path]:
    """Write the raw table, a staging model, its tests and its expectations into a checkout."""
    written = [_raw_table(proposal, root / _RAW)]
    columns = proposal.profiles[0].columns
    name = f"stg_files__{proposal.table}"
    (root / _MODELS).mkdir(parents=True, exist_ok=True)
    key = ["_row_key as row_key"] if proposal.read.occurrence else []
    selected = ",\n".join(f"        {name}" for name in [*key, *(_name(c.name) for c in columns)])
    model = root / _MODELS / f"{name}.sql"
    source = f'{{{{ source("files", "{proposal.table}") }}}}'
    model.write_text(
        f"with\n\nsource as (\n    select * from {source}\n),\n\n"
        f"renamed as (\n    select\n{selected}\n    from source\n)\n\nselect * from renamed\n"
    )
    described = root / _MODELS / f"{name}.yml"
    described.write_text(
        _dump(
            {
                "version": 2,
                "models": [
                    {
                        "name": name,
                        "description": f"Rows of the files named {proposal.table}, one each.",
                        "columns": [*_key(proposal), *(_described(c, proposal) for c in columns)],
                    }
                ],
            }
        )
    )
    suite = root / _SUITES / f"files_{proposal.table}.yml"
    suite.write_text(_suite(columns))
    return [*written, model, described, suite]


def _raw_table(proposal: Proposal, target: Path) -> Path:
    document = load_yaml(target.read_text()) if target.exists() else None
    document = document or {
        "source": "files",
        "owner": "team:analytics",
        "loader": "file_processing",
        "platform": "file",
        "tables": {},
    }
    columns = {
        c.name: f"{c.type.lower()}: As in the file's column {c.header}."
        for c in proposal.profiles[0].columns
    }
    if proposal.read.occurrence:
        columns["_row_key"] = "varchar: The row, among rows that may be equal."
    document["tables"][proposal.table] = {
        "description": f"Rows of the files named {proposal.table}.",
        "primary_key": list(proposal.primary_key),
        "columns": columns,
    }
    target.write_text(_RAW_HEAD + _dump(document))
    return target


def _key(proposal: Proposal) -> list[dict[str, Any]]:
    """The key of rows that may be equal."""
    if not proposal.read.occurrence:
        return []
    told = "The row, among rows that may be equal."
    return [{"name": "row_key", "description": told, "data_tests": ["primary_key"]}]


def _described(column: ColumnProfile, proposal: Proposal) -> dict[str, Any]:
    tests = ["primary_key"] if proposal.read.key == (column.name,) else []
    tests += ["not_null"] if not column.empty and not tests else []
    told: dict[str, Any] = {"name": column.name, "description": f"{column.header} of the file."}
    return told | ({"data_tests": tests} if tests else {})


def _suite(columns: tuple[ColumnProfile, ...]) -> str:
    """Expectations that today's rows fulfil, and tomorrow's should."""
    filled = [column.name for column in columns if not column.empty]
    rows: list[dict[str, Any]] = [
        {
            "expect_column_values_to_not_be_null": {"column": filled},
            "severity": "warning",
            "because": "Every row had a value when the files were connected.",
        }
    ]
    return _dump({"rows": rows if filled else []})


def drop(proposal: Proposal, inbox: Path) -> list[Path]:
    """Copies of the files, in the folder of the inbox that belongs to the table."""
    folder = inbox / proposal.table
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for file in proposal.files:
        hidden = folder / f".{file.name}"
        shutil.copyfile(file, hidden)
        copies.append(hidden.rename(folder / file.name))
    return copies


def _name(name: str) -> str:
    """A column's name, quoted where it is a word of SQL."""
    return identifier(name) if name in _reserved() else name


@cache
def _reserved() -> frozenset[str]:
    import duckdb

    rows = duckdb.sql(
        "select keyword_name from duckdb_keywords() where keyword_category != 'unreserved'"
    ).fetchall()
    return frozenset(str(name) for (name,) in rows)


def _dump(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
