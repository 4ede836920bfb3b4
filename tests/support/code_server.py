"""A real code server of one location, started as in the chart."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._grpc.client import DagsterGrpcClient

from support.servers import wait_until

CODE = """
import dagster as dg

@dg.op
def work(): ...

@dg.job
def daily():
    work()

defs = dg.Definitions(jobs=[daily])
"""


@contextmanager
def code_server(folder, port, image, cpu) -> Iterator[GrpcServerCodeLocationOrigin]:
    """Start one as the chart does, with its image's name and its pod's resources."""
    file, log = folder / "code.py", folder / "server.log"
    file.write_text(CODE)
    resources = {"k8s": {"resources": {"requests": {"cpu": cpu}}}}
    program = [
        sys.executable, "-m", "dagster", "api", "grpc", "--python-file", str(file),
        "--host", "127.0.0.1", "--port", str(port), "--location-name", "daily",
        "--container-image", image, "--container-context", json.dumps(resources),
    ]  # fmt: skip
    client = DagsterGrpcClient(port=port, host="127.0.0.1")
    with log.open("ab") as out, subprocess.Popen(program, stdout=out, stderr=out) as process:
        try:
            wait_until(lambda: client.health_check_query() == "SERVING", "the code server", log)
            yield GrpcServerCodeLocationOrigin("127.0.0.1", port, location_name="daily")
        finally:
            process.kill()
