"""A DataHub metadata service for tests: a real HTTP server on loopback that keeps what it gets.

It answers as DataHub's GMS does to the library's REST client: GET /config, GET /aspects/<URN>, and
POST /aspects?action=ingestProposal and =ingestProposalBatch. Every proposal is read with the
library's own schema classes; a request with one that isn't valid is refused as a whole.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from support.http_server import JsonHandler, listening

# Aspect as it was sent, by URN and aspect name.
Stored = dict[tuple[str, str], dict[str, Any]]
Fault = Callable[[int, list[Any]], int | None]


@dataclass
class DataHubGms:
    """What the server has, and how it is to behave.

    `fault` gets the number of the write request, from 1, and its proposals, and returns the
    HTTP status to answer with instead, or None to store them.
    """

    token: str | None = None
    echoes_the_token: bool = False  # in a 401, as some gateways before it do
    fault: Fault = lambda _number, _proposals: None
    is_datahub: bool = True
    stored: Stored = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    writes: int = 0
    url: str = ""

    def config(self) -> tuple[int, dict[str, Any]]:
        """GET /config."""
        return 200, {"noCode": "true" if self.is_datahub else "false", "versions": {}}

    def aspect(self, urn: str, name: str, token: str | None) -> tuple[int, Any]:
        """GET /aspects/<URN>?aspect=<name>&version=0."""
        from datahub.metadata.schema_classes import ASPECT_NAME_MAP

        if self.token is not None and token != f"Bearer {self.token}":
            return 401, {"message": "Unauthorized to perform this action."}
        if (urn, name) not in self.stored:
            return 404, {"message": f"no {name} of {urn}"}
        schema = ASPECT_NAME_MAP[name].RECORD_SCHEMA.fullname.replace(".pegasus2avro", "")
        return 200, {"version": 0, "aspect": {schema: self.stored[urn, name]}}

    def ingest(self, action: str, body: dict[str, Any], token: str | None) -> tuple[int, Any]:
        """POST /aspects: all proposals of the request, or none."""
        from datahub.emitter.mcp import MetadataChangeProposalWrapper
        from datahub.emitter.serialization_helper import post_json_transform

        if self.token is not None and token != f"Bearer {self.token}":
            echo = f" Token {token} is not valid." if self.echoes_the_token else ""
            return 401, {"message": f"Unauthorized to perform this action.{echo}"}
        sent = body["proposals"] if action == "ingestProposalBatch" else [body["proposal"]]
        if body.get("async") not in ("false", None):
            return 400, {"message": "the stack waits for its writes; this one is asynchronous"}
        self.writes += 1
        try:
            proposals = [
                MetadataChangeProposalWrapper.from_obj_require_wrapper(post_json_transform(p))
                for p in sent
            ]
        except Exception as error:
            return 400, {"message": f"Cannot parse request entity: {error}"}
        for proposal in proposals:
            if not proposal.validate() or proposal.aspect is None:
                return 422, {"message": f"{proposal.entityUrn} {proposal.aspectName} is invalid"}
        status = self.fault(self.writes, proposals)
        if status is not None:
            return status, {"message": f"told to answer {status}", "status": status}
        for proposal in proposals:
            key = (str(proposal.entityUrn), str(proposal.aspectName))
            self.stored[key] = proposal.aspect.to_obj()
        return 200, {"value": [proposal.entityUrn for proposal in proposals]}


@contextmanager
def datahub_gms(gms: DataHubGms | None = None) -> Iterator[DataHubGms]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    gms = gms or DataHubGms()

    class Handler(JsonHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            gms.requests.append(f"{self.command} {self.path}")
            token = self.headers.get("Authorization")
            if self.command == "GET":
                place = urlsplit(self.path)
                asked = dict(parse_qsl(place.query))
                if place.path == "/config":
                    self.answer(*gms.config())
                elif place.path.startswith("/aspects/") and asked.get("version") == "0":
                    urn = unquote(place.path.removeprefix("/aspects/"))
                    self.answer(*gms.aspect(urn, asked["aspect"], token))
                else:
                    self.answer(404, {})
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path, _, action = self.path.partition("?action=")
            if path != "/aspects" or action not in ("ingestProposal", "ingestProposalBatch"):
                self.answer(404, {"message": f"no endpoint {self.path}"})
                return
            self.answer(*gms.ingest(action, json.loads(body), token))

    with listening(Handler) as port:
        gms.url = f"http://127.0.0.1:{port}"
        yield gms
