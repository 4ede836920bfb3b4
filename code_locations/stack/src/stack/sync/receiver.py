"""Takes states from `stack.sync.hand` through a socket that only the pod's processes can open."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from stack.sync.holding import Answer


@contextmanager
def receive(take: Callable[[str, bytes], Answer], path: Path) -> Iterator[None]:
    """Listen at `path` in a thread; each connection sends a state and gets an answer."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            digest = self.rfile.readline().decode().strip()
            answer = take(digest, self.rfile.read())
            self.wfile.write(json.dumps(asdict(answer)).encode())

    path.unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        path.chmod(0o600)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            path.unlink(missing_ok=True)
