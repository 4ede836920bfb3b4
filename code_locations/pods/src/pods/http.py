"""Shared by the webserver's ASGI middlewares: request headers, and refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Refusal:
    """HTTP status, one line for a well-meaning reader, and extra headers of the answer."""

    status: int
    line: str
    headers: tuple[tuple[str, str], ...] = ()

    async def send(self, scope: Message, send: Send) -> None:
        """Answer with it."""
        kind = "http.response"
        if scope["type"] == "websocket":
            if "websocket.http.response" not in scope.get("extensions", {}):
                await send({"type": "websocket.close", "code": 1008})
                return
            kind = "websocket.http.response"
        body = f"{self.line}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in self.headers),
        ]
        await send({"type": f"{kind}.start", "status": self.status, "headers": headers})
        await send({"type": f"{kind}.body", "body": body})


QUERY_IN_URL = Refusal(405, "GraphQL in the URL is not taken: send it as POST, as JSON")


def has_query_in_url(scope: Message) -> bool:
    """Whether a request's URL contains something that a GraphQL server would execute."""
    text = bytes(scope.get("query_string", b"")).decode("latin-1")
    return "query" in parse_qs(text, keep_blank_values=True)


class Headers:
    """Headers of a request; names in lower case."""

    def __init__(self, scope: Message) -> None:
        self._found: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            self._found.setdefault(name.lower(), []).append(value)

    def has(self, name: str) -> bool:
        """Whether there is one, or several."""
        return name.encode() in self._found

    def one(self, name: str) -> str | None:
        """The header's value; None if there isn't exactly one."""
        values = self._found.get(name.encode(), [])
        return values[0].decode("latin-1") if len(values) == 1 else None

    def has_body(self) -> bool:
        """Whether the request says that it has a body."""
        return self.has("transfer-encoding") or self.one("content-length") not in (None, "0")
