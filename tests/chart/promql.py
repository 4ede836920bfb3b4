"""The series and labels that a Prometheus query uses, according to a PromQL parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import promql_parser as promql


@dataclass
class Query:
    """Series by name with the labels that they are matched by, and the query's own labels."""

    matchers: list[tuple[str, set[str]]] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        """The names of all series that it reads."""
        return {name for name, _ in self.matchers}


def parsed(text: str) -> Query:
    """The query. Raises ValueError if it isn't valid."""
    query = Query()
    for node in _nodes(promql.parse(text)):
        if isinstance(node, promql.VectorSelector):
            assert node.name, f"a selector without a name: {text}"
            query.matchers.append((node.name, {m.name for m in node.matchers.matchers}))
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql.AggregateExpr) and modifier is not None:
            query.labels |= set(modifier.labels)
        if isinstance(node, promql.BinaryExpr) and modifier is not None and modifier.matching:
            query.labels |= set(modifier.matching.labels)
    return query


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for name in ("expr", "lhs", "rhs", "param", "selector", "vector_selector"):
        below = getattr(node, name, None)
        if isinstance(below, promql.Expr):
            yield from _nodes(below)
    for below in getattr(node, "args", None) or ():
        yield from _nodes(below)
