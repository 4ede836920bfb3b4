"""/metrics and /healthz over HTTP, and nothing else."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from stack.errors import StackError, reason

METHODS = "GET, HEAD"
_log = logging.getLogger("stack.observe")


class ServingError(StackError):
    """The server can't listen at its configured address."""


class MetricsServer(ThreadingHTTPServer):
    """Answers scrapes, each in its own thread.

    `is_alive`: whether the process is doing its work. On the loopback address, a request's Host
    must name it, so that a foreign page in a browser on this machine can't ask.
    """

    daemon_threads = True

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, is_alive: Callable[[], bool]
    ) -> None:
        """Listen. Raises ServingError."""
        self.registry, self.is_alive = registry, is_alive
        self.is_loopback = _is_loopback(host)
        self.is_everywhere = host == "*"
        is_of_ipv6 = ":" in host or (self.is_everywhere and socket.has_dualstack_ipv6())
        self.address_family = socket.AF_INET6 if is_of_ipv6 else socket.AF_INET
        try:
            super().__init__(("" if self.is_everywhere else host, port), _Handler)
        except OSError as error:
            raise ServingError(
                f"{host}:{port} (OBSERVE_HOST, OBSERVE_PORT)",
                found=str(error.strerror or error).lower(),
                next_step="no metrics are served; set another OBSERVE_PORT, or 0 for a free one",
            ) from None

    def server_bind(self) -> None:
        """Bind; everywhere includes the addresses of both families."""
        if self.is_everywhere and self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        name = str(host)
        return f"http://{f'[{name}]' if ':' in name else name}:{port}"


class _Handler(BaseHTTPRequestHandler):
    """Requests to the server."""

    server: MetricsServer
    timeout = 10  # a silent client holds a thread for no longer
    server_version = "stack-observe"
    sys_version = ""

    def do_GET(self) -> None:
        """/metrics in the format that the client asks for, or /healthz."""
        path = urlsplit(self.path).path
        if self.server.is_loopback and not _is_local(self.headers.get("Host", "")):
            self._answer(HTTPStatus.FORBIDDEN, b"not asked for by its own name\n")
        elif path == "/healthz":
            alive = self.server.is_alive()
            status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, b"ok\n" if alive else b"a part of it hangs\n")
        elif path == "/metrics":
            self._metrics()
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there are /metrics and /healthz\n")

    def do_HEAD(self) -> None:
        """Like GET, without the body."""
        self.do_GET()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._refuse
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by its base
        """Log nothing for an answered request."""

    def _refuse(self) -> None:
        self.close_connection = True
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, f"only {METHODS}\n".encode(), Allow=METHODS)

    def _metrics(self) -> None:
        encoder, content_type = choose_encoder(self.headers.get("Accept", ""))
        try:
            body = encoder(self.server.registry)
        except Exception as error:  # the next scrape may succeed
            _log.exception("a scrape failed")
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"{reason(error)}\n".encode())
            return
        self._answer(HTTPStatus.OK, body, content_type)

    def _answer(
        self,
        status: HTTPStatus,
        body: bytes,
        content_type: str = "text/plain; charset=utf-8",
        **headers: str,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_local(host: str) -> bool:
    """Whether a Host header names this machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return _is_loopback(name)
