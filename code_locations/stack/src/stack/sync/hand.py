"""Hands a state from stdin to this pod's code server: `python -m stack.sync.hand DIGEST`.

`stack sync` runs it there through `kubectl exec`. It prints the server's answer, one line of JSON.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

SOCKET = Path("/tmp/stack-sync.sock")  # noqa: S108 the pod's own


def hand(digest: str, packed: bytes, path: Path = SOCKET) -> bytes:
    """The server's answer. Raises OSError if there is none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(digest.encode() + b"\n" + packed)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read()


def main() -> None:
    """The command."""
    [digest] = sys.argv[1:]
    sys.stdout.buffer.write(hand(digest, sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
