"""What was agreed, as files to review and keep under version control."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ingestion.connect.proposal import Proposal
from ingestion.connect.questions import ConnectError
from ingestion.connect.relations import MODELS, Relation
from ingestion.connect.words import quoted
from ingestion.files.profile import ColumnProfile
from stack.declarations import load_yaml

RAW = Path("code_locations/stack/src/stack/raw/files.yml")
_MODELS = MODELS / "staging/files"
_SUITES = Path("code_locations/quality/great_expectations/suites/raw")
_RAW_HEAD = (
    "# Tables of arrived files that models are built on; `stack connect` adds to them.\n"
    "# A column reads `<DuckDB type>: <meaning>`.\n"
)


def declaration(proposal: Proposal, related: Sequence[Relation]) -> str:
    """The YAML for FILES_DIR: how these files are read, and what they fill."""
    read = proposal.read.model_dump(mode="json", exclude_defaults=True)
    document: dict[str, Any] = {"tables": [proposal.table], "read": read}
    if proposal.feeds:
        document["feeds"] = {
            name: feed.model_dump(exclude_defaults=True) for name, feed in proposal.feeds.items()
        }
    told = [f"{c.name}: {c.type.lower()}, {c.reason}" for c in proposal.columns]
    told += [f"key: {proposal.key.evidence}"]
    told += [f"currency: {line}" for line in [currency_line(proposal)] if line]
    told += [relation.line for relation in related]
    comments = "".join(f"#   {line}\n" for line in told)
    return f"# As it was found:\n{comments}{_dump(document)}"


def currency_line(proposal: Proposal) -> str:
    """The currency with its evidence; "" if unknown."""
    found = proposal.currency
    named = found.column or found.code
    return f"{named}, {found.evidence}" if named else ""


def models(proposal: Proposal, related: Sequence[Relation]) -> dict[Path, str]:
    """A staging model, its tests and its expectations, by path in the checkout."""
    columns = proposal.columns
    name = f"stg_files__{proposal.table}"
    key = ["_row_key as row_key"] if proposal.read.occurrence else []
    selected = ",\n".join(f"        {name}" for name in [*key, *(quoted(c.name) for c in columns)])
    source = f'{{{{ kept(source("files", "{proposal.table}")) }}}}'
    described = {
        "version": 2,
        "models": [
            {
                "name": name,
                "description": f"Rows of the files named {proposal.table}, one each.",
                "columns": [*_key(proposal), *(_described(c, proposal, related) for c in columns)],
            }
        ],
    }
    return {
        _MODELS / f"{name}.sql": (
            f"with\n\nsource as (\n    select * from {source}\n),\n\n"
            f"renamed as (\n    select\n{selected}\n    from source\n)\n\nselect * from renamed\n"
        ),
        _MODELS / f"{name}.yml": _dump(described),
        _SUITES / f"files_{proposal.table}.yml": _suite(columns),
    }


def raw_with(text: str, proposals: Sequence[Proposal], *, anew: bool) -> str:
    """The declaration of raw tables with the proposals' added; what a person wrote in it stays.

    Raises ConnectError for a table declared with other columns, unless it is written `anew`.
    """
    for proposal in proposals:
        document = load_yaml(text) if text else None
        document = document or {
            "source": "files",
            "owner": "team:analytics",
            "loader": "file_processing",
            "platform": "file",
            "tables": {},
        }
        entry = _raw_table(proposal)
        there = document["tables"].get(proposal.table)
        missing = sorted(entry["columns"].keys() - (there or entry)["columns"].keys())
        if missing and not anew:
            raise ConnectError(
                str(RAW),
                found=f"the table {proposal.table} without the columns {', '.join(missing)}",
                expected="no such table, or one with all columns of the files",
                next_step="say another --table, or --replace to write it anew",
            )
        if there and (not anew or there == entry):
            continue
        added = not there
        document["tables"][proposal.table] = entry
        block = _dump({proposal.table: entry})
        appended = f"{text.rstrip()}\n" + "".join(f"  {line}\n" for line in block.splitlines())
        kept = added and bool(text) and _means(appended, document)
        text = appended if kept else _RAW_HEAD + _dump(document)
    return text


def _means(text: str, document: Any) -> bool:
    try:
        return bool(load_yaml(text) == document)
    except yaml.YAMLError:
        return False


def _raw_table(proposal: Proposal) -> dict[str, Any]:
    columns = {
        c.name: f"{c.type.lower()}: As in the file's column {_plain(c)}." for c in proposal.columns
    }
    if proposal.read.occurrence:
        columns["_row_key"] = "varchar: The row, among rows that may be equal."
    return {
        "description": f"Rows of the files named {proposal.table}.",
        "primary_key": list(proposal.primary_key),
        "columns": columns,
    }


def _key(proposal: Proposal) -> list[dict[str, Any]]:
    """The key for rows that may be equal."""
    if not proposal.read.occurrence:
        return []
    told = "The row, among rows that may be equal."
    return [{"name": "row_key", "description": told, "data_tests": ["primary_key"]}]


def _described(
    column: ColumnProfile, proposal: Proposal, related: Sequence[Relation]
) -> dict[str, Any]:
    keyed = proposal.read.key == (column.name,) and not proposal.read.occurrence
    tests: list[Any] = ["primary_key"] if keyed else []
    tests += ["not_null"] if not column.empty and not tests else []
    for relation in related:
        if relation.column == column.name and relation.target.to:
            test: dict[str, Any] = {
                "name": f"{column.name}_of_files_{proposal.table}_is_known",
                "arguments": {"to": relation.target.to, "field": quoted(relation.target.column)},
            }
            if relation.missing is not None:
                test["config"] = {"severity": "warn"}
            tests.append({"relationships": test})
    told: dict[str, Any] = {"name": column.name, "description": f"{_plain(column)} of the file."}
    if quoted(column.name) != column.name:
        told["quote"] = True
    return told | ({"data_tests": tests} if tests else {})


def _plain(column: ColumnProfile) -> str:
    """A header in one line, without anything that dbt would take for Jinja."""
    return " ".join(column.header.translate({ord("{"): "(", ord("}"): ")"}).split())


def _suite(columns: tuple[ColumnProfile, ...]) -> str:
    """Expectations that today's rows meet and tomorrow's should."""
    filled = [column.name for column in columns if not column.empty]
    rows: list[dict[str, Any]] = [
        {
            "expect_column_values_to_not_be_null": {"column": filled},
            "severity": "warning",
            "because": "Every row had a value when the files were connected.",
        }
    ]
    return _dump({"rows": rows if filled else []})


def _dump(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
