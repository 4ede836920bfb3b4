"""An ASGI middleware that protects a server without a login from foreign web pages.

A foreign page can make a browser send requests to anything it can reach, localhost included. The
browser says which page a request comes from (Origin) and under which name it was made (Host), as a
foreign page may have pointed its own name to our address. Without asking us first, it sends only
the content types of forms.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

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

ANY = "*"
WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - recognised, not listened at
HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]:/@]+)(?::(\d{1,5}))?")
_ORIGIN = re.compile(r"(https?)://(.+)")


@dataclass(frozen=True)
class Authority:
    """A host in lower case (IPv6 without brackets), and a port if one is given."""

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Authority | None:
        """Parse a Host header; None if it is invalid."""
        found = _AUTHORITY.fullmatch(text.strip().lower())
        if found is None:
            return None
        host = found[1].strip("[]").removesuffix(".")
        return cls(host, int(found[2]) if found[2] else None)


class Hosts:
    """The names under which the server may be addressed.

    These are localhost, the address that it listens on, and `allowed`: `name` for any port,
    `name:port` for one, `*.domain` for names below it, `*` for any name. If it listens on every
    address, any address is accepted: a foreign page needs a name.
    """

    def __init__(self, listens_at: str, allowed: Iterable[str] = ()) -> None:
        given = [entry.strip() for entry in allowed if entry.strip()]
        self.any_name = ANY in given
        self._any_address = listens_at in WILDCARDS
        self._allowed = {found for entry in given if (found := Authority.parse(entry))}
        own = Authority.parse(f"[{listens_at}]" if ":" in listens_at else listens_at)
        self._own = own.host if own else ""

    def has(self, authority: Authority) -> bool:
        """Whether a request may use this host."""
        host = authority.host
        if self.any_name or host in ("localhost", self._own) or host.endswith(".localhost"):
            return True
        return self._is_ours(host) or self.lists(authority) or self.lists(Authority(host, None))

    def lists(self, authority: Authority) -> bool:
        """Whether exactly this host is among those that the user allows."""
        below = Authority(f"*.{authority.host.partition('.')[2]}", authority.port)
        return not self._allowed.isdisjoint({authority, below})

    def _is_ours(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or self._any_address


class Guard:
    """Passes on requests from the server's own pages and from programs other than browsers."""

    def __init__(self, app: App, hosts: Hosts, *, setting: str) -> None:
        self._app, self._hosts, self._setting = app, hosts, setting

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.send(scope, send)

    def _refusal(self, scope: Message) -> Refusal | None:
        headers = Headers(scope)
        refusal = self._wrong_host(headers) or self._wrong_origin(headers)
        return refusal or (_wrong_content(scope, headers) if scope["type"] == "http" else None)

    def _wrong_host(self, headers: Headers) -> Refusal | None:
        host = headers.one("host")
        authority = Authority.parse(host or "")
        if authority and self._hosts.has(authority):
            return None
        return Refusal(
            403,
            f"Host {_shown(host)} is not a name of this server: open it as localhost, or add the "
            f"name to {self._setting}",
        )

    def _wrong_origin(self, headers: Headers) -> Refusal | None:
        origin = headers.one("origin")
        if origin is None and not headers.has("origin"):
            return None
        page = _ORIGIN.fullmatch((origin or "").strip().lower())
        source = Authority.parse(page[2]) if page else None
        host = Authority.parse(headers.one("host") or "")
        if page and source and host:
            default = DEFAULT_PORTS[page[1]]
            same_port = (source.port or default) == (host.port or default)
            if (source.host == host.host and same_port) or self._hosts.lists(source):
                return None
        return Refusal(
            403,
            f"Origin {_shown(origin)} is not this site, {_shown(headers.one('host'))}: use the "
            f"server's own page, or add that site's host to {self._setting}",
        )


def _wrong_content(scope: Message, headers: Headers) -> Refusal | None:
    """Refuse what a foreign page can send unasked: queries in the URL, forms, plain text."""
    graphql = "graphql" in [part.strip() for part in str(scope["path"]).split("/")]
    if graphql and has_query_in_url(scope):
        return QUERY_IN_URL
    if scope["method"] in HARMLESS:
        return None
    content = headers.one("content-type")
    if not graphql and not headers.has("content-type") and not headers.has_body():
        return None
    if (content or "").partition(";")[0].strip().lower() == "application/json":
        return None
    return Refusal(
        415,
        f"Content-Type {_shown(content)} is not taken: send the body as JSON, with Content-Type "
        "application/json",
    )


def _shown(text: str | None) -> str:
    return ascii(text)[:100] if text else "(none)"
