"""A minimal dbt manifest, made by the class that reads real ones."""

from typing import Any

from stack.dbt_artifacts import Manifest, Node


def node(unique_id: str, *parents: str, **parts: Any) -> Node:
    """A node by its unique id, such as `model.p.cash_in`; `parents` are unique ids."""
    kind, *_, name = unique_id.split(".")
    whole = {
        "unique_id": unique_id,
        "resource_type": kind,
        "name": name,
        "schema": "freelancer_raw" if kind == "source" else "marts",
        "depends_on": {"nodes": parents},
        "config": {"materialized": "table", "severity": "error"},
    }
    return Node.model_validate(whole | parts)


def manifest(*nodes: Node) -> Manifest:
    """A manifest of these nodes."""
    return Manifest(
        nodes={n.unique_id: n for n in nodes if not n.is_source},
        sources={n.unique_id: n for n in nodes if n.is_source},
    )
