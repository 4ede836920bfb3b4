"""Dagster's webserver, closed to users without a role and to foreign web pages.

`python -m pods.webserver` takes the arguments of `dagster-webserver`. WEBSERVER_ALLOWED_HOSTS has
the names besides localhost under which it may be opened, comma-separated; `pods.access` has the
variables of the login.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import uvicorn
from dagster_webserver.cli import main
from dagster_webserver.webserver import DagsterWebserver
from pydantic import ValidationError

from pods.access import Access, AccessSettings
from pods.gate import ROLE, Gate
from pods.roles import Role
from pods.seen import load_again_what_is_former
from pods.web_guard import Guard, Hosts

SETTING = "WEBSERVER_ALLOWED_HOSTS"


def guard_what_is_served(access: Access) -> None:
    """Put guard and gate in front of everything that this process serves."""
    serve = uvicorn.run

    def serve_guarded(app: Any, *, host: str, **options: Any) -> None:
        hosts = Hosts(host, os.environ.get(SETTING, "").split(","))
        where = f"{SETTING} (with the chart: webserver.allowedHosts)"
        serve(Guard(Gate(app, access), hosts, setting=where), host=host, **options)

    uvicorn.run = serve_guarded  # type: ignore[assignment]


def show_viewers_what_they_may() -> None:
    """Make the UI disable what it would refuse a viewer."""
    make = DagsterWebserver._make_request_context

    def made(self: Any, connection: Any) -> Any:
        context = make(self, connection)
        if connection.scope.get(ROLE) is Role.VIEWER:
            context._read_only = True
        return context

    DagsterWebserver._make_request_context = made  # type: ignore[assignment,method-assign]


def _told(error: ValidationError) -> str:
    """What is wrong with which variable, without its value."""
    names = [
        f"WEBSERVER_{part['loc'][0]}: ".upper() if part["loc"] else "" for part in error.errors()
    ]
    says = [part["msg"].removeprefix("Value error, ") for part in error.errors()]
    return "; ".join(name + said for name, said in zip(names, says, strict=True))


def _write_audit_lines() -> None:
    logger, handler = logging.getLogger("pods.audit"), logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


if __name__ == "__main__":
    try:
        settings = AccessSettings()
    except ValidationError as error:
        sys.exit(f"webserver: {_told(error)}")
    _write_audit_lines()
    guard_what_is_served(Access(settings))
    show_viewers_what_they_may()
    load_again_what_is_former()
    main()  # type: ignore[no-untyped-call]
