"""What is expected of each table, from the project's YAML; doesn't need Great Expectations.

`checkpoints.yml` names the suites of each checkpoint; `suites/<schema>/<table>.yml` is the
suite of one table; `suites/<schema>/every_table.yml` holds what all tables of a schema share.
The project's README.md describes the format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, RootModel, field_validator, model_validator

from stack.declarations import Declaration, DeclarationError, load_declaration
from stack.raw import raw_tables

SHARED = "every_table"
BETWEEN = "expect_column_values_to_be_between"
_LISTED_ARGUMENTS = ("column", "column_A", "column_B", "column_list")


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
        """Columns of the judged frame that it reads; for a rule or measure, its own name."""
        return _columns(self.kwargs)

    @property
    def column(self) -> str | None:
        """The table's column, if it is about just one."""
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


class _Judged(Declaration):
    severity: Severity = Severity.CRITICAL
    because: str = ""


class _Rows(_Judged):
    """`expect_…: {arguments}`: one expectation, or one per column if `column` is a list."""

    type: str
    arguments: dict[str, Any]
    name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_one_type(cls, entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        types = [key for key in entry if str(key).startswith("expect_")]
        if len(types) != 1 or set(entry) - {*types, "name", "severity", "because"}:
            raise ValueError(
                "an entry of rows has one `expect_…: {arguments}` and may have name, severity, "
                f"because; found {', '.join(map(str, entry))}"
            )
        arguments = entry[types[0]] or {}
        if "mostly" in arguments:
            raise ValueError(f"{types[0]} has mostly; declare a measure with the share instead")
        rest = {key: value for key, value in entry.items() if key != types[0]}
        return {"type": types[0], "arguments": arguments, **rest}


class _Query(_Judged):
    sql: str
    because: str
    column: str | None = None


class _Rule(_Query):
    """A query whose number of rows must be 0."""

    between: ClassVar[tuple[float | None, float | None]] = (None, 0)


class _Measure(_Query):
    """A query for a number, and its bounds."""

    between: tuple[int | float | None, int | float | None]

    @field_validator("between")
    @classmethod
    def _has_a_bound(cls, between: tuple[Any, Any]) -> tuple[Any, Any]:
        if between == (None, None):
            raise ValueError("it accepts two bounds, one of which may be null")
        return between


class _Suite(Declaration):
    """A suite's file, or what all suites of a folder share."""

    key: tuple[str, ...] = ()
    rows: tuple[_Rows, ...] = ()
    rules: dict[str, _Rule] = Field(default_factory=dict)
    measures: dict[str, _Measure] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _may_be_empty(cls, parts: Any) -> Any:
        return (
            {k: v for k, v in parts.items() if v is not None} if isinstance(parts, dict) else parts
        )

    def with_columns(self, columns: Collection[str]) -> _Suite:
        """A copy without the rules about columns that aren't among these."""
        kept = {n: rule for n, rule in self.rules.items() if rule.column in {None, *columns}}
        return self.model_copy(update={"rules": kept})


class _Suites(Declaration):
    suites: tuple[str, ...]


class _Checkpoints(RootModel[dict[str, _Suites]]):
    pass


def load_checkpoint(project: Path, name: str) -> Checkpoint:
    """A checkpoint with its suites, in the order of `checkpoints.yml`.

    Raises DeclarationError if the checkpoint or one of its suites is declared wrongly.
    """
    checkpoints = load_declaration(project / "checkpoints.yml", _Checkpoints).root
    if name not in checkpoints:
        raise DeclarationError(
            f"GE_CHECKPOINT_NAME: no checkpoint {name!r} in {project / 'checkpoints.yml'}, "
            f"which declares {', '.join(checkpoints)}"
        )
    suites = load_suites(project)
    chosen: dict[str, Suite] = {}
    for pattern in checkpoints[name].suites:
        found = {suite.name: suite for suite in suites if fnmatch(suite.name, pattern)}
        if not found:
            raise DeclarationError(f"checkpoint {name}: no suite is named like {pattern!r}")
        chosen |= found
    return Checkpoint(name, project, tuple(chosen.values()))


def load_suites(project: Path) -> tuple[Suite, ...]:
    """Every suite of the project, sorted by name. Raises DeclarationError."""
    files = sorted((project / "suites").glob("*/*.yml"))
    said = {file: load_declaration(file, _Suite) for file in files}
    return tuple(
        _suite(file, said.get(file.with_stem(SHARED), _Suite()), own)
        for file, own in said.items()
        if file.stem != SHARED
    )


def _suite(file: Path, shared: _Suite, own: _Suite) -> Suite:
    schema, table = file.parent.name, file.stem
    declared = next((t for t in raw_tables() if t.asset_path == (schema, table)), None)
    if declared:
        shared = shared.with_columns({column.name for column in declared.columns})
    expectations = tuple(e for part in (shared, own) for e in _expectations(schema, table, part))
    counts = Counter(e.name for e in expectations)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise DeclarationError(
            f"{file}: {twice[0]} is declared twice; tell them apart with `name: …`"
        )
    key = own.key or (declared.primary_key if declared else ())
    return Suite(schema, table, key, expectations)


def _expectations(schema: str, table: str, said: _Suite) -> Iterator[Expectation]:
    def one(entry: _Judged, **facts: Any) -> Expectation:
        because = " ".join(entry.because.split())
        return Expectation(schema, table, severity=entry.severity, because=because, **facts)

    for entry in said.rows:
        arguments = dict(entry.arguments)
        listed = arguments.pop("column", None)
        for column in listed if isinstance(listed, list) else [listed]:
            kwargs = {**({"column": column} if column else {}), **arguments}
            name = entry.name or "__".join([entry.type, *_columns(kwargs)])
            yield one(entry, name=name, kind=Kind.ROWS, type=entry.type, kwargs=kwargs)
    queries = (
        (Kind.RULE, "expect_no_rows", said.rules),
        (Kind.MEASURE, BETWEEN, said.measures),
    )
    for kind, prefix, entries in queries:
        for name, query in entries.items():
            low, high = query.between
            yield one(
                query,
                name=f"{prefix}__{name}",
                kind=kind,
                type=BETWEEN,
                kwargs={"column": name, "min_value": low, "max_value": high},
                sql=query.sql.strip(),
            )


def _columns(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    columns: list[str] = []
    for argument in _LISTED_ARGUMENTS:
        value = kwargs.get(argument, [])
        columns += [value] if isinstance(value, str) else value
    return tuple(columns)
