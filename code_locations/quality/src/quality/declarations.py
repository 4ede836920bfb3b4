"""What is expected of each table, read from the project's YAML; Great Expectations not needed.

`checkpoints.yml` names the suites of each checkpoint; `suites/<schema>/<table>.yml` is the
suite of one table; `suites/<schema>/every_table.yml` holds what all tables of a schema share.
The format is described in the project's README.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from stack.declarations import load_yaml
from stack.errors import StackError
from stack.raw import raw_tables

SHARED = "every_table"
BETWEEN = "expect_column_values_to_be_between"
_LISTED_ARGUMENTS = ("column", "column_A", "column_B", "column_list")


class DeclarationError(StackError):
    """The project says something that can't be run; names file, place and next step."""


class Severity(StrEnum):
    """What a failure means. Only `critical` fails the run."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Kind(StrEnum):
    """What an expectation is judged on."""

    ROWS = "rows"  # the table's rows
    RULE = "rules"  # the number of rows that a query returns, which must be 0
    MEASURE = "measures"  # a number that a query returns


@dataclass(frozen=True)
class Expectation:
    """One expectation of a table; `name` is also the name of its asset check."""

    schema: str
    table: str
    name: str
    kind: Kind
    type: str
    kwargs: Mapping[str, Any] = field(hash=False)
    severity: Severity
    because: str
    sql: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the judged frame that it reads; of a rule or measure, its own name."""
        return _columns(self.kwargs)

    @property
    def column(self) -> str | None:
        """The table's column, where it is about one."""
        columns = self.columns
        return columns[0] if self.kind is Kind.ROWS and len(columns) == 1 else None


@dataclass(frozen=True)
class Suite:
    """The expectations of one table. `schema` is as in asset keys: raw, marts and so on."""

    schema: str
    table: str
    key: tuple[str, ...]
    expectations: tuple[Expectation, ...]

    @property
    def name(self) -> str:
        """Name of the suite in Great Expectations, such as `raw.books_invoices`."""
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True)
class Checkpoint:
    """Suites that run together, and the project that declares them."""

    name: str
    project: Path
    suites: tuple[Suite, ...]


def load_checkpoint(project: Path, name: str) -> Checkpoint:
    """A checkpoint with its suites, in the order of `checkpoints.yml`.

    Raises DeclarationError if the checkpoint or one of its suites isn't declared right.
    """
    checkpoints = _read(project / "checkpoints.yml")
    if name not in checkpoints:
        raise DeclarationError(
            f"GE_CHECKPOINT_NAME: no checkpoint {name!r} in {project / 'checkpoints.yml'}, "
            f"which declares {', '.join(checkpoints)}"
        )
    suites = load_suites(project)
    chosen: dict[str, Suite] = {}
    for pattern in checkpoints[name]["suites"]:
        found = {suite.name: suite for suite in suites if fnmatch(suite.name, pattern)}
        if not found:
            raise DeclarationError(f"checkpoint {name}: no suite is named like {pattern!r}")
        chosen |= found
    return Checkpoint(name, project, tuple(chosen.values()))


def load_suites(project: Path) -> tuple[Suite, ...]:
    """Every suite of the project, sorted by name. Raises DeclarationError."""
    files = sorted((project / "suites").glob("*/*.yml"))
    shared = {f.parent: _read(f) for f in files if f.stem == SHARED}
    return tuple(_File(f).suite(shared.get(f.parent, {})) for f in files if f.stem != SHARED)


@dataclass(frozen=True)
class _File:
    """A suite's file being read."""

    path: Path

    @property
    def schema(self) -> str:
        return self.path.parent.name

    @property
    def table(self) -> str:
        return self.path.stem

    def suite(self, shared: dict[str, Any]) -> Suite:
        document = _read(self.path)
        if unknown := set(document) - {"key", *Kind}:
            raise self.error(
                f"unknown part {', '.join(sorted(unknown))}; a suite has key, {', '.join(Kind)}"
            )
        both = (self.with_its_column(shared), document)
        expectations = [e for d in both for e in self.expectations(d)]
        counts = Counter(e.name for e in expectations)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise self.error(f"{twice[0]} is declared twice; tell them apart with `name: …`")
        key = document.get("key") or _declared_key(self.schema, self.table)
        return Suite(self.schema, self.table, tuple(key), tuple(expectations))

    def with_its_column(self, shared: dict[str, Any]) -> dict[str, Any]:
        """What all tables of the schema share, but rules about a column that this one lacks."""
        declared = [t for t in raw_tables() if t.asset_path == (self.schema, self.table)]
        columns = {column.name for table in declared for column in table.columns}
        rules = {
            name: rule
            for name, rule in (shared.get(Kind.RULE) or {}).items()
            if not declared or rule.get("column") in (None, *columns)
        }
        return {**shared, Kind.RULE: rules}

    def expectations(self, document: dict[str, Any]) -> Iterator[Expectation]:
        try:
            for entry in document.get(Kind.ROWS) or []:
                yield from self.on_rows(dict(entry))
            for kind in (Kind.RULE, Kind.MEASURE):
                for name, entry in (document.get(kind) or {}).items():
                    yield self.on_query(kind, name, dict(entry))
        except (AttributeError, TypeError, ValueError) as error:
            raise self.error(
                "rows is a list of mappings, rules and measures are mappings of mappings; "
                f"found something else ({error})"
            ) from error

    def on_rows(self, entry: dict[str, Any]) -> Iterator[Expectation]:
        """One expectation, or one a column where `column` is a list."""
        types = [key for key in entry if key.startswith("expect_")]
        if len(types) != 1 or set(entry) - {*types, "name", "severity", "because"}:
            raise self.error(
                "an entry of rows has one `expect_…: {arguments}` and may have name, severity, "
                f"because; found {', '.join(map(str, entry))}"
            )
        type_, arguments = types[0], dict(entry[types[0]] or {})
        if "mostly" in arguments:
            raise self.error(f"{type_} has mostly; declare a measure with the share instead")
        listed = arguments.pop("column", None)
        for column in listed if isinstance(listed, list) else [listed]:
            kwargs = {**({"column": column} if column else {}), **arguments}
            yield Expectation(
                schema=self.schema,
                table=self.table,
                name=entry.get("name") or "__".join([type_, *_columns(kwargs)]),
                kind=Kind.ROWS,
                type=type_,
                kwargs=kwargs,
                severity=self.severity(type_, entry),
                because=" ".join(entry.get("because", "").split()),
            )

    def on_query(self, kind: Kind, name: str, entry: dict[str, Any]) -> Expectation:
        """A rule, whose number of rows must be 0, or a measure with its bounds."""
        needed = {"sql", "because"} | ({"between"} if kind is Kind.MEASURE else set())
        if set(entry) - needed - {"severity", "column"} or needed - set(entry):
            raise self.error(
                f"{kind}.{name} needs {', '.join(sorted(needed))} and may have severity, column; "
                f"found {', '.join(entry)}"
            )
        low, high = self.bounds(name, entry["between"]) if "between" in entry else (None, 0)
        prefix = "expect_no_rows" if kind is Kind.RULE else BETWEEN
        return Expectation(
            schema=self.schema,
            table=self.table,
            name=f"{prefix}__{name}",
            kind=kind,
            type=BETWEEN,
            kwargs={"column": name, "min_value": low, "max_value": high},
            severity=self.severity(name, entry),
            because=" ".join(entry["because"].split()),
            sql=entry["sql"].strip(),
        )

    def bounds(self, name: str, between: Any) -> tuple[float | None, float | None]:
        numbers = isinstance(between, list) and all(
            value is None or isinstance(value, int | float) for value in between
        )
        if not numbers or len(between) != 2 or between == [None, None]:
            raise self.error(
                f"{name} has between {between!r}; it accepts two bounds, one of which may be null"
            )
        return between[0], between[1]

    def severity(self, place: str, entry: dict[str, Any]) -> Severity:
        value = entry.get("severity", Severity.CRITICAL)
        if value not in list(Severity):
            raise self.error(f"{place} has severity {value!r}; it accepts {', '.join(Severity)}")
        return Severity(value)

    def error(self, text: str) -> DeclarationError:
        return DeclarationError(f"{self.path}: {text}")


def _columns(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    columns: list[str] = []
    for argument in _LISTED_ARGUMENTS:
        value = kwargs.get(argument, [])
        columns += [value] if isinstance(value, str) else value
    return tuple(columns)


def _declared_key(schema: str, table: str) -> tuple[str, ...]:
    return next(
        (t.primary_key for t in raw_tables() if t.asset_path == (schema, table)),
        (),
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        document = load_yaml(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise DeclarationError(f"{file}: not readable as YAML: {error}") from error
    if not isinstance(document, dict):
        raise DeclarationError(f"{file}: expected a mapping, found {type(document).__name__}")
    return document
