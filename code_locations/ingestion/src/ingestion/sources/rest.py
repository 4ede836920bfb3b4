"""A list of an API as a dlt source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from ingestion.sources.declarations import Endpoint, RestSource, resolve
from ingestion.sources.order import latest
from ingestion.sources.pages import Pages
from ingestion.sources.reading import cursor_path

if TYPE_CHECKING:
    from dlt.extract import DltSource


def rest_list(
    source: RestSource, name: str, variables: Mapping[str, str], *, only_new: bool
) -> tuple[DltSource, Pages]:
    """The source, with secrets filled in, whose resource is `name`; and the pages it will read."""
    from dlt.sources.rest_api import rest_api_source

    from ingestion.sources.exact_json import exact_session

    pages = _pages(source, source.tables[name])
    client = {
        "base_url": resolve(source, source.base_url, variables),
        "headers": resolve(source, source.headers, variables),
        "auth": resolve(source, source.auth, variables),
        "paginator": source.paginator,
        "session": exact_session(pages),
    }
    resource = _resource(source, name, variables, only_new=only_new)
    config: Any = {"client": _given(client), "resources": [resource]}
    return rest_api_source(config, name=source.name, parallelized=False), pages


def _pages(source: RestSource, endpoint: Endpoint) -> Pages:
    paginator = endpoint.paginator or source.paginator
    options = {"type": paginator} if isinstance(paginator, str) else paginator or {}
    ends = any(name.startswith("maximum_") for name in options)
    return Pages(
        endpoint.data_selector,
        endpoint.primary_key,
        whole=options.get("type") == "single_page" or ends,
        counted=paginator is None and not endpoint.params,
        total_path=options.get("total_path"),
    )


def _resource(
    source: RestSource, name: str, variables: Mapping[str, str], *, only_new: bool
) -> dict[str, Any]:
    endpoint = source.tables[name]
    params = resolve(source, endpoint.params, variables)
    incremental = None
    if only_new and endpoint.cursor is not None:
        incremental = _incremental(endpoint)
        params = {
            k: v.replace("{incremental}", "{incremental.start_value}") if isinstance(v, str) else v
            for k, v in params.items()
        }
    else:
        params = {k: v for k, v in params.items() if "{incremental}" not in str(v)}
    return {
        "name": name,
        "endpoint": _given(
            {
                "path": endpoint.path,
                "params": params,
                "paginator": endpoint.paginator,
                "data_selector": endpoint.data_selector,
                "incremental": incremental,
            }
        ),
    }


def _incremental(endpoint: Endpoint) -> dict[str, Any]:
    first = endpoint.initial_value
    found = {
        "cursor_path": cursor_path(endpoint.cursor or "", nested=True),
        # YAML turns unquoted text into a date or time; JSON has text.
        "initial_value": first.isoformat() if isinstance(first, date) else first,
        "last_value_func": latest,
        "on_cursor_value_missing": "include",
    }
    # No key: a row at the cursor's last value is read again, as it may have changed since.
    return {**_given(found), "primary_key": []}


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {})}
