"""An ASGI middleware that admits users with a role and limits mutations to what the role may do.

Anything not known to be a read is refused: an unlisted mutation, a method other than GET, a path
that could be read in two ways. Each failed login and each mutation is one JSON line in the log
`pods.audit`.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from pods.access import Access, Identity
from pods.http import (
    QUERY_IN_URL,
    App,
    Headers,
    Message,
    Receive,
    Refusal,
    Send,
    has_query_in_url,
)
from pods.roles import HARMLESS, Role, mutations

HEALTHY = "/-/healthy"
ROLE = "stack.role"  # in the scope of an admitted request
LARGEST_BODY_BYTES = 8 << 20
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_REPORTS = ("report_asset_materialization", "report_asset_check", "report_asset_observation")
_audit = logging.getLogger("pods.audit")


class Gate:
    """Passes on the requests that a user may make."""

    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == HEALTHY:
            await Refusal(200, "ok").send(scope, send)
        else:
            await self._let_in(scope, receive, send)

    async def _let_in(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = Headers(scope)
        who = self._access.of(headers)
        if isinstance(who, Refusal):
            if headers.has("authorization"):
                _told(scope, "login", allowed=False, why=who.line)
            await who.send(scope, send)
        elif refusal := _odd_url(scope):
            await refusal.send(scope, send)
        else:
            await self._pass_on(who, {**scope, ROLE: who.role}, receive, send)

    async def _pass_on(self, who: Identity, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._app(scope, _Watched(scope, who, receive, send).receive, send)
            return
        if scope["method"] in _READS:
            await self._app(scope, receive, send)
            return
        parts = [part for part in scope["path"].split("/") if part]
        refusal: Refusal | None
        if scope["method"] == "POST" and any(part in _REPORTS for part in parts):
            refusal = None if who.role is Role.ADMIN else _denied(who, "reports of assets")
            _told(scope, "report", who, allowed=refusal is None, path=scope["path"])
        elif scope["method"] == "POST" and parts and parts[-1] == "graphql":
            body = await _body_of(receive)
            refusal = _judged(scope, who, body)
            receive = _again(body or b"", receive)
        else:
            refusal = Refusal(405, f"{scope['method']} is not taken at this path")
        if refusal:
            await refusal.send(scope, send)
        else:
            await self._app(scope, receive, send)


class _Watched:
    """The messages of a websocket, over which only reads are allowed."""

    def __init__(self, scope: Message, who: Identity, receive: Receive, send: Send) -> None:
        self._scope, self._who, self._receive, self._send = scope, who, receive, send

    async def receive(self) -> Message:
        """The next message; one that asks for more than a read ends the connection."""
        message = await self._receive()
        if message["type"] != "websocket.receive" or not self._asks_for_more(message):
            return message
        await self._send({"type": "websocket.close", "code": 1008})
        return {"type": "websocket.disconnect", "code": 1008}

    def _asks_for_more(self, message: Message) -> bool:
        text = message.get("text") or (message.get("bytes") or b"").decode(errors="replace")
        try:
            found = json.loads(text)
            payload = found.get("payload") or {}
            asked = mutations(payload["query"]) if "query" in payload else ()
        except Exception:
            return True  # the UI sends no such message
        if asked:
            _told(self._scope, "mutation", self._who, allowed=False, names=list(asked))
        return bool(asked)


def _judged(scope: Message, who: Identity, body: bytes | None) -> Refusal | None:
    """Why the user may not make this request; None if they may."""
    if body is None:
        return Refusal(413, f"the request is larger than {LARGEST_BODY_BYTES:,} bytes")
    try:
        asked = mutations(json.loads(body)["query"])
    except Exception as error:
        return Refusal(400, f"the body is no GraphQL query as JSON: {ascii(str(error))[:200]}")
    denied = sorted(set(asked) - who.role.may)
    if set(asked) - HARMLESS:
        _told(scope, "mutation", who, allowed=not denied, names=list(asked))
    return _denied(who, ", ".join(denied)) if denied else None


def _denied(who: Identity, what: str) -> Refusal:
    return Refusal(
        403, f"{who.user} may not do this: the role {who.role.name.lower()} has no {what}"
    )


def _odd_url(scope: Message) -> Refusal | None:
    """Refuse a query in the URL, and a path that other servers may read differently."""
    path = str(scope["path"])
    odd = "//" in path or "\\" in path or not path.startswith("/") or not path.isprintable()
    if odd or any(part in {".", ".."} for part in path.split("/")):
        return Refusal(400, "the path has empty, dotted or unprintable parts: write it plainly")
    return QUERY_IN_URL if scope["type"] == "http" and has_query_in_url(scope) else None


async def _body_of(receive: Receive) -> bytes | None:
    """The whole body; None if it is too large or never came."""
    parts, size, more = list[bytes](), 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY_BYTES:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Returns the body that was already read, then whatever follows."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def _told(scope: Message, what: str, who: Identity | None = None, **facts: Any) -> None:
    client = scope.get("client") or ("", 0)
    known = {"user": who.user, "role": who.role.name.lower()} if who else {}
    _audit.info(_Line({"audit": what, **known, **facts, "from": client[0]}))


class _Line(dict[str, Any]):
    """Facts that print as a line of JSON, and become fields where all log lines are JSON."""

    def __str__(self) -> str:
        return json.dumps(self)
