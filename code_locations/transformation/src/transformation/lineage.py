"""Where a model's columns come from, read from its compiled SQL."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from stack.errors import one_line

logger = logging.getLogger(__name__)

DIALECT = "duckdb"
# For each column, what it is made from: ((schema, table), column).
Origins = dict[str, list[tuple[tuple[str, str], str]]]


def column_lineage(
    compiled_sql: str, parents: Mapping[tuple[str, str], Sequence[str]], database: str
) -> Origins:
    """For each column of the query, the ((schema, table), column) pairs that it is made from.

    `parents` are the columns of the tables that the query reads. A query that can't be analysed
    has no lineage; that is logged, not raised.
    """
    with warnings.catch_warnings():
        # sqlglot warns about an accelerator that another package installed.
        warnings.simplefilter("ignore")
        from sqlglot import errors, exp, parse_one
        from sqlglot.lineage import to_node
        from sqlglot.optimizer import build_scope, qualify

    schema: dict[str, Any] = {database: {}}
    for (schema_name, name), columns in parents.items():
        schema[database].setdefault(schema_name, {})[name] = dict.fromkeys(columns, "varchar")
    try:
        query = qualify.qualify(
            parse_one(compiled_sql, dialect=DIALECT),
            dialect=DIALECT,
            schema=schema,
            validate_qualify_columns=False,
            identify=False,
        )
        scope = build_scope(query)
        if scope is None or not isinstance(query, exp.Query):
            return {}
        origins: Origins = {}
        for column in query.named_selects:
            found = set()
            for node in to_node(column, scope, DIALECT, trim_selects=False).walk():
                table = node.expression.find(exp.Table) if not node.downstream else None
                if table is not None and (table.db, table.name) in parents:
                    found.add(((table.db, table.name), exp.to_column(node.name).name))
            origins[column] = sorted(found)
    except (errors.SqlglotError, KeyError, ValueError, RecursionError) as error:
        logger.warning("no column lineage: %s", one_line(error, 300))
        return {}
    return origins
