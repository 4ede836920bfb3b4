"""A list of an API as a dlt source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from ingestion.files.errors import UnreadableFileError
from ingestion.sources.declarations import Endpoint, RestSource, resolve
from ingestion.sources.order import latest
from ingestion.sources.pages import Pages
from ingestion.sources.reading import cursor_path

if TYPE_CHECKING:
    from dlt.extract import DltSource


def rest_list(
    source: RestSource,
    name: str,
    variables: Mapping[str, str],
    *,
    only_new: bool,
    cursors: Mapping[str, Any],
) -> tuple[DltSource, Pages]:
    """The source, with secrets filled in, whose resource is `name`; and the pages it will read.

    `cursors` are the state from which it resumes. Raises UnreadableFileError.
    """
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
    incremental = only_new and source.tables[name].cursor is not None
    resource = _resource(
        source, name, variables, incremental=incremental, begun=_begun(cursors, name)
    )
    config: Any = {"client": _given(client), "resources": [resource]}
    return rest_api_source(config, name=source.name, parallelized=False), pages


def _pages(source: RestSource, endpoint: Endpoint) -> Pages:
    from dlt.common.jsonpath import compile_path
    from jsonpath_ng.exceptions import JSONPathError

    try:
        compile_path(endpoint.data_selector or "$")
    except JSONPathError as error:
        told = f"data_selector {endpoint.data_selector!r} is no JSON path: {error}"
        raise UnreadableFileError(told) from None
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
    source: RestSource, name: str, variables: Mapping[str, str], *, incremental: bool, begun: bool
) -> dict[str, Any]:
    endpoint = source.tables[name]
    params = resolve(source, endpoint.params, variables)
    if not (incremental and (begun or endpoint.initial_value is not None)):
        params = {k: v for k, v in params.items() if "{incremental}" not in str(v)}
    params = {k: _template(v) if isinstance(v, str) else v for k, v in params.items()}
    return {
        "name": name,
        "endpoint": _given(
            {
                "path": endpoint.path,
                "params": params,
                "paginator": endpoint.paginator,
                "data_selector": endpoint.data_selector,
                "incremental": _incremental(endpoint) if incremental else None,
            }
        ),
    }


def _begun(cursors: Mapping[str, Any], name: str) -> bool:
    """Whether an earlier load had a value of the cursor."""
    found = cursors.get(name, {}).get("incremental", {})
    return any(cursor.get("last_value") is not None for cursor in found.values())


def _template(text: str) -> str:
    """A parameter as dlt reads it, for which other braces would be expressions too."""
    escaped = text.replace("{", "{{").replace("}", "}}")
    return escaped.replace("{{incremental}}", "{incremental.start_value}")


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
