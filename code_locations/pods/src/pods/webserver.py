"""Dagster's webserver, which web pages of others can't use: `python -m pods.webserver`.

Takes what `dagster-webserver` takes. WEBSERVER_ALLOWED_HOSTS has the names, beside localhost, under
which it is opened, with commas between.
"""

from __future__ import annotations

import os
from typing import Any

import uvicorn
from dagster_webserver.cli import main

from pods.web_guard import Guard, Hosts

SETTING = "WEBSERVER_ALLOWED_HOSTS"


def guard_what_is_served() -> None:
    """Put the guard before whatever this process serves."""
    serve = uvicorn.run

    def serve_guarded(app: Any, *, host: str, **options: Any) -> None:
        hosts = Hosts(host, os.environ.get(SETTING, "").split(","))
        where = f"{SETTING} (with the chart: webserver.allowedHosts)"
        serve(Guard(app, hosts, setting=where), host=host, **options)

    uvicorn.run = serve_guarded  # type: ignore[assignment]


if __name__ == "__main__":
    guard_what_is_served()
    main()  # type: ignore[no-untyped-call]
