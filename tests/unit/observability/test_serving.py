"""Where metrics are served."""

import socket
import threading
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from observability.metrics.serving import MetricsServer


@pytest.fixture
def everywhere():
    """A server at every address; its port."""
    with MetricsServer("*", 0, CollectorRegistry(), lambda: True) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_a_star_is_every_address_of_both_families(everywhere, address):
    if ":" in address and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    assert urlopen(f"http://{address}:{everywhere}/healthz", timeout=10).read() == b"ok\n"
