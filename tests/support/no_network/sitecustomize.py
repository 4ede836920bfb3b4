"""Catches a process that leaves the machine, if this folder is on its PYTHONPATH.

Every attempt to connect to, or look up, anything but the loopback interface is refused and
written to the file in NO_NETWORK_LOG.
"""

import os
import socket
import traceback
from pathlib import Path

_LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")
_connect = socket.socket.connect
_lookup = socket.getaddrinfo


def _refuse(target):
    with Path(os.environ["NO_NETWORK_LOG"]).open("a") as log:
        log.write(f"{target}\n{''.join(traceback.format_stack(limit=12))}\n")
    raise OSError(101, f"Network is unreachable in this test: {target}")


def _guarded_connect(self, address):
    if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
        _refuse(address)
    return _connect(self, address)


def _guarded_lookup(host, *args, **kwargs):
    text = host.decode() if isinstance(host, bytes) else host
    if text and not text.startswith(_LOOPBACK) and text != socket.gethostname():
        _refuse(text)
    return _lookup(host, *args, **kwargs)


if "NO_NETWORK_LOG" in os.environ:
    socket.socket.connect = _guarded_connect
    socket.getaddrinfo = _guarded_lookup
