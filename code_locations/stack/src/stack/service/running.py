"""What a process of the service does: prepare Dagster's instance, then become its program."""

from __future__ import annotations

import logging
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from stack.files import write_file
from stack.logs import VARIABLE, set_up_logs, writes_json
from stack.one_machine.dev import read_events_from_now
from stack.one_machine.home import open_instance
from stack.one_machine.lock import SERVICE as FOLDER
from stack.one_machine.lock import alone, hold_daemon
from stack.service.parts import CODE, DAEMON, OBSERVER, ServiceError, checkout
from stack.settings import StackSettings, environment_variables, load_settings

# The name that `make dev` uses, so that both share the state of schedules.
LOCATION = "definitions.py"
ADDRESS = "127.0.0.1"
# The longest path of a socket: macOS's limit, which is lower than Linux's.
LONGEST_PATH = 103
CODE_WITHIN_S = 120.0
WORKSPACE = """\
# Made by `stack service`.
load_from:
  - grpc_server: {{host: localhost, socket: "{socket}", location_name: {name}}}
"""


def run_part(name: str, port: int) -> None:
    """Become the part `name`, with the variables of the checkout's `.env`; doesn't return.

    Raises ServiceError, and whatever preparing the instance raises.
    """
    os.environ |= environment_variables()
    settings = load_settings(StackSettings)
    _set_up_logs(settings)
    # Dagster treats SIGTERM like SIGINT, which a shell's background jobs ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with alone(settings.stack_home, "begin"), open_instance(settings) as instance:
        home = instance.root_directory
        if name == DAEMON:
            hold_daemon(settings.stack_home)
            read_events_from_now(instance)
    os.chdir(home)  # Dagster would warn about another dagster.yaml
    folder = _folder(settings.stack_home)
    address = _socket(folder)
    if name == CODE:
        _become_code(address)
    elif name == OBSERVER:
        from stack.commands import main

        sys.argv = ["stack", "observe"]
        main()
    else:
        workspace = _workspace(folder, address)
        _wait_for(address)
        if name == DAEMON:
            _become("dagster-daemon", "dagster._daemon", ["run", "-w", str(workspace)])
        else:
            listen = ["-h", ADDRESS, "-p", str(port)]
            _become("dagster-webserver", "pods.webserver", ["-w", str(workspace), *listen])


def _set_up_logs(settings: StackSettings) -> None:
    os.environ.setdefault(VARIABLE, settings.log_format)
    set_up_logs()
    if writes_json():
        from stack.logs.console import log_prints

        log_prints()
    elif not sys.stdout.isatty():
        from stack.logs.plain import write_plain

        write_plain()


def _become_code(address: Path) -> None:
    root = checkout()
    target = ["-f", f"{root}/code_locations/definitions.py", "-d", str(root)]
    own = ["--socket", str(address), "--location-name", LOCATION]
    _become("dagster", "dagster", ["api", "grpc", *target, *own])


def _become(name: str, module: str, arguments: Sequence[str]) -> None:
    sys.argv = [name, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=False)


def _folder(home: Path) -> Path:
    folder = (home / FOLDER).resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)  # anyone who can write to the socket can run code
    return folder


def _socket(folder: Path) -> Path:
    address = folder / "code.sock"
    if len(os.fsencode(address)) > LONGEST_PATH:
        raise ServiceError(
            str(address),
            found=f"a path of {len(os.fsencode(address))} bytes",
            expected=f"at most {LONGEST_PATH}, as a socket may have",
            next_step="set STACK_HOME to a folder with a shorter path",
        )
    return address


def _workspace(folder: Path, address: Path) -> Path:
    file = folder / "workspace.yaml"
    write_file(file, WORKSPACE.format(socket=address, name=LOCATION))
    return file


def _wait_for(address: Path) -> None:
    """Wait until the code server answers, else the UI would start with a location in error."""
    deadline = time.monotonic() + CODE_WITHIN_S
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(address))
                return
            except OSError:
                time.sleep(0.2)
    logging.getLogger("stack.service").warning("the process of the code doesn't answer yet")
