"""SQL of the declarations: placeholders filled in, and the rows that break an expectation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from quality.declarations import Expectation, Kind, Suite
from stack import sql
from stack.declarations import DeclarationError
from stack.raw import raw_tables
from stack.sql import identifier, identifiers

RAW = "raw"
# The books' tables are filled by their own exports and by layouts of other exports.
BOOKS = "books"
FILLED_BY = ("books", "exports")
_PLACEHOLDER = re.compile(r"\{([a-z]\w*)(?:\.(\w+))?\}")


def table_name(schema: str, table: str, raw_schema: str) -> str:
    """`"schema"."table"` in the warehouse; schema `raw` stands for the raw tables' schema."""
    return f"{identifier(raw_schema if schema == RAW else schema)}.{identifier(table)}"


def fill_in(query: str, suite: Suite, raw_schema: str) -> str:
    """Replace `{table}`, `{key}`, `{columns}`, `{declared}` and `{<schema>.<table>}`.

    `{key}` lists the key's columns; the others are relations. `{columns}` has column_name and
    data_type as in the warehouse, `{declared}` as in the raw table's declaration;
    `{books.<table>}` is everything that fills one of the books' tables. Raises DeclarationError for
    any other placeholder.
    """

    def relation(match: re.Match[str]) -> str:
        schema, table = match.groups()
        if schema == BOOKS and table:
            both = (table_name(RAW, f"{source}_{table}", raw_schema) for source in FILLED_BY)
            return f"({' union all by name '.join(f'select * from {name}' for name in both)})"
        if table:
            return table_name(schema, table, raw_schema)
        if schema == "table":
            return table_name(suite.schema, suite.table, raw_schema)
        if schema == "key":
            return identifiers(suite.key)
        if schema == "columns":
            found = raw_schema if suite.schema == RAW else suite.schema
            return (
                "(select column_name, data_type from duckdb_columns() where database_name = "
                f"current_database() and schema_name = {literal(found)} "
                f"and table_name = {literal(suite.table)})"
            )
        if schema == "declared" and suite.schema == RAW:
            return _declared(suite)
        raise DeclarationError(
            f"suite {suite.name}: no placeholder {match[0]}; there are {{table}}, {{key}}, "
            "{columns}, {<schema>.<table>}, {books.<table>} and, for raw tables, {declared}"
        )

    return _PLACEHOLDER.sub(relation, query)


def _declared(suite: Suite) -> str:
    table = next((t for t in raw_tables() if t.table_name == suite.table), None)
    if table is None:
        raise DeclarationError(f"suite {suite.name}: {{declared}} needs a declared raw table")
    rows = ", ".join(f"({literal(c.name)}, typeof(cast(null as {c.type})))" for c in table.columns)
    return f"(select * from (values {rows}) as declared(column_name, data_type))"


def violation(expectation: Expectation, relation: str) -> str:
    """The SQL condition for exactly the rows that break a row expectation.

    Raises DeclarationError for an expectation that has no SQL form here.
    """
    condition = _CONDITIONS.get(expectation.type)
    if condition is None:
        raise DeclarationError(
            f"suite {expectation.schema}.{expectation.table}: {expectation.type} can't stand "
            f"under rows; declare a rule or a measure, or one of {', '.join(sorted(_CONDITIONS))}"
        )
    try:
        return condition(expectation.kwargs, relation)
    except KeyError as error:
        raise DeclarationError(
            f"suite {expectation.schema}.{expectation.table}: {expectation.name} needs the "
            f"argument {error.args[0]}"
        ) from error


def failing_rows(expectation: Expectation, suite: Suite, raw_schema: str) -> str:
    """A query that a person can run to see what breaks an expectation."""
    if expectation.kind is not Kind.ROWS:
        return fill_in(expectation.sql or "", suite, raw_schema)
    relation = table_name(suite.schema, suite.table, raw_schema)
    columns = dict.fromkeys([*suite.key, *expectation.columns])
    shown = identifiers(columns)
    return f"select {shown} from {relation} where {violation(expectation, relation)}"


def literal(value: Any) -> str:
    """A value as a SQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return f"timestamp '{value:%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(value, date):
        return f"date '{value:%Y-%m-%d}'"
    return sql.literal(value)


Arguments = Mapping[str, Any]


def _not_null(kwargs: Arguments, _relation: str) -> str:
    return f"{identifier(kwargs['column'])} is null"


def _null(kwargs: Arguments, _relation: str) -> str:
    return f"{identifier(kwargs['column'])} is not null"


def _unique(kwargs: Arguments, relation: str) -> str:
    column = identifier(kwargs["column"])
    return (
        f"{column} in (select {column} from {relation} where {column} is not null "
        "group by all having count(*) > 1)"
    )


def _compound_unique(kwargs: Arguments, relation: str) -> str:
    # Great Expectations skips only rows in which all of the columns are null.
    columns = [identifier(c) for c in kwargs["column_list"]]
    same = f"({', '.join(columns)})"
    return (
        f"{same} in (select {same} from {relation} "
        f"where not ({' and '.join(f'{c} is null' for c in columns)}) "
        f"group by {', '.join(columns)} having count(*) > 1)"
    )


def _in_set(kwargs: Arguments, _relation: str) -> str:
    values = ", ".join(map(literal, kwargs["value_set"]))
    return f"{identifier(kwargs['column'])} not in ({values})"


def _not_in_set(kwargs: Arguments, _relation: str) -> str:
    values = ", ".join(map(literal, kwargs["value_set"]))
    return f"{identifier(kwargs['column'])} in ({values})"


def _between(kwargs: Arguments, _relation: str) -> str:
    return _outside(identifier(kwargs["column"]), kwargs)


def _length_between(kwargs: Arguments, _relation: str) -> str:
    return _outside(f"length({identifier(kwargs['column'])})", kwargs)


def _outside(value: str, kwargs: Arguments) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    below = "<=" if kwargs.get("strict_min") else "<"
    above = ">=" if kwargs.get("strict_max") else ">"
    sides = [
        *([f"{value} {below} {literal(low)}"] if low is not None else []),
        *([f"{value} {above} {literal(high)}"] if high is not None else []),
    ]
    return f"({' or '.join(sides) or 'false'})"


def _regex(kwargs: Arguments, _relation: str) -> str:
    # Great Expectations uses re.search on pandas: anchored only if the pattern is.
    return f"not regexp_matches({identifier(kwargs['column'])}, {literal(kwargs['regex'])})"


def _greater(kwargs: Arguments, _relation: str) -> str:
    less = "<" if kwargs.get("or_equal") else "<="
    return f"{identifier(kwargs['column_A'])} {less} {identifier(kwargs['column_B'])}"


_CONDITIONS: dict[str, Callable[[Arguments, str], str]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_unique": _unique,
    "expect_compound_columns_to_be_unique": _compound_unique,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_be_between": _between,
    "expect_column_value_lengths_to_be_between": _length_between,
    "expect_column_values_to_match_regex": _regex,
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
}
