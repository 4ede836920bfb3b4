"""A real HTTP server on loopback that answers as a test tells it to, or not at all."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """What a client sent; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """The server's answer; `content` is sent as JSON, or unchanged if it is bytes."""

    status: int = 200
    content: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Reply | None]


@dataclass
class HttpServer:
    """A running server and the requests it got."""

    port: int
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


class JsonHandler(BaseHTTPRequestHandler):
    """Answers with JSON, without logging; `handle_any` is for every method."""

    def handle_any(self) -> None:
        """Answer one request."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.handle_any()

    do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

    def answer(
        self, status: int, content: object, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send `content` as JSON, or unchanged if it is bytes."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        body = b"" if status == 304 else body
        self.send_response(status)
        usual = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the tests' output quiet."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Ignore clients that went away, which some tests want."""


@contextmanager
def listening(
    handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """Serve until the block ends, on this port or any free one."""
    listener = _Listener((host, port), handler)
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield int(listener.server_address[1])
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


@contextmanager
def http_server(answer: Answer) -> Iterator[HttpServer]:
    """Serve until the block ends. If `answer` returns None, the client waits until then."""
    ending = threading.Event()
    server = HttpServer(0)

    class Handler(JsonHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command,
                self.path,
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            server.requests.append(request)
            reply = answer(request)
            if reply is None:
                ending.wait(60)
            else:
                self.answer(reply.status, reply.content, reply.headers)

    with listening(Handler) as server.port:
        try:
            yield server
        finally:
            ending.set()


@contextmanager
def refused_port() -> Iterator[int]:
    """A port that refuses connections and is taken, so that nobody else gets it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
