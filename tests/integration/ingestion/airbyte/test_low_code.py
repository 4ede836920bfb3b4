"""A low-code manifest, configuration only, against a REST API on this machine."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from support.fake_connector import declare
from support.http_server import Reply, Request, http_server
from support.reports import streams_of

TICKETS = [
    {"id": i, "subject": f"ticket {i}", "updatedAt": f"2026-01-{i:02}T00:00:00Z"}
    for i in range(1, 8)
]
PAGE = 3

MANIFEST = {
    "version": "6.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["tickets"]},
    "spec": {
        "type": "Spec",
        "connection_specification": {
            "type": "object",
            "required": ["url", "token"],
            "properties": {
                "url": {"type": "string"},
                "token": {"type": "string", "airbyte_secret": True},
            },
        },
    },
    "streams": [
        {
            "type": "DeclarativeStream",
            "name": "tickets",
            "primary_key": "id",
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {
                    "type": "HttpRequester",
                    "url_base": "{{ config['url'] }}",
                    "path": "/tickets",
                    "http_method": "GET",
                    "authenticator": {
                        "type": "BearerAuthenticator",
                        "api_token": "{{ config['token'] }}",
                    },
                },
                "record_selector": {
                    "type": "RecordSelector",
                    "extractor": {"type": "DpathExtractor", "field_path": ["tickets"]},
                },
                "paginator": {
                    "type": "DefaultPaginator",
                    "page_size_option": {
                        "type": "RequestOption",
                        "inject_into": "request_parameter",
                        "field_name": "limit",
                    },
                    "page_token_option": {
                        "type": "RequestOption",
                        "inject_into": "request_parameter",
                        "field_name": "offset",
                    },
                    "pagination_strategy": {"type": "OffsetIncrement", "page_size": PAGE},
                },
            },
            "incremental_sync": {
                "type": "DatetimeBasedCursor",
                "cursor_field": "updatedAt",
                "datetime_format": "%Y-%m-%dT%H:%M:%SZ",
                "start_datetime": "2026-01-01T00:00:00Z",
                "start_time_option": {
                    "type": "RequestOption",
                    "inject_into": "request_parameter",
                    "field_name": "since",
                },
            },
            "schema_loader": {
                "type": "InlineSchemaLoader",
                "schema": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "integer"},
                        "subject": {"type": ["null", "string"]},
                        "updatedAt": {"type": "string", "format": "date-time"},
                    },
                },
            },
        }
    ],
}


def answer(request: Request, tickets: list[dict[str, object]]) -> Reply:
    """Tickets in pages, since a moment, for who has the token."""
    if request.headers.get("authorization") != "Bearer s3cret-token":
        return Reply(401)
    query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
    offset, limit = int(query.get("offset", 0)), int(query["limit"])
    found = [t for t in tickets if t["updatedAt"] >= query.get("since", "")]
    return Reply(content={"tickets": found[offset : offset + limit]})


@pytest.fixture
def api() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """The API's address, and what it has."""
    tickets = list(TICKETS)
    with http_server(lambda request: answer(request, tickets)) as server:
        yield server.url, tickets


def test_a_rest_api_is_read_by_its_manifest_and_then_only_what_is_new(
    syncs, shop, api, tmp_path, monkeypatch
):
    url, tickets = api
    monkeypatch.setenv("DESK_TOKEN", "s3cret-token")
    (tmp_path / "tickets.yaml").write_text(yaml.safe_dump(MANIFEST))
    connection = declare(
        tmp_path,
        name="desk",
        # The shop's environment holds airbyte-cdk, and with it the runner of manifests.
        connector={
            **shop.connector.model_dump(mode="json"),
            "constraints": str(shop.constraints),
            "executable": "source-declarative-manifest",
            "manifest": "tickets.yaml",
            "resumable": True,
        },
        config={"url": url, "token": "${DESK_TOKEN}"},
        streams={"tickets": {}},
    )
    [first] = streams_of(syncs.run(connection))
    assert (first.rows_loaded, first.rows_total) == (7, 7)
    assert syncs.query("select column_name, column_type from (describe desk_tickets)") == [
        ("id", "BIGINT"),
        ("subject", "VARCHAR"),
        ("updated_at", "TIMESTAMP WITH TIME ZONE"),
    ]

    tickets.append({"id": 8, "subject": None, "updatedAt": "2026-02-01T00:00:00Z"})
    [second] = streams_of(syncs.run(connection))
    assert second.rows_read < 7
    assert second.rows_total == 8
