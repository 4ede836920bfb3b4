"""The last emission to the catalog."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from observability.facts.model import CatalogFact
from observability.facts.tables import Materialised

ASSET = ("datahub_metadata_ingestion",)


def catalog_of(assets: Iterable[Materialised]) -> CatalogFact | None:
    """The emission, from its asset's metadata; None before the first one."""
    found = next((asset for asset in assets if asset.path == ASSET), None)
    if found is None:
        return None
    sent = _number(found.values.get("aspects_sent"))
    return CatalogFact(
        at=found.at,
        run_id=found.run_id,
        sink=_kind(str(found.values.get("sink", ""))),
        emitted=sent,
        unchanged=max(0, _number(found.values.get("aspects")) - sent),
        failed=0,  # a refused aspect fails the run, and nothing is materialised
    )


def _kind(sink: str) -> str:
    """`server` or `file`: a URL or a path isn't fit for a label."""
    return "server" if sink.startswith(("http://", "https://")) else "file"


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
