"""The service's processes, started like its units and killed as by a machine."""

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest

from stack.pipelines import MONITORING
from support.servers import free_port
from support.stack_process import COMMAND, StackProcess
from support.webserver import Webserver

DEADLINE_S = 300.0
LOCATION = "definitions.py"


@dataclass
class Machine:
    """Does what systemd does with the units: starts what they say, as they say."""

    stack: StackProcess
    port: int
    running: dict[str, subprocess.Popen] = field(default_factory=dict)
    groups: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        shown = self.stack.run(COMMAND, "service", "install", "--dry-run", "--port", str(self.port))
        assert shown.returncode == 0, shown.stderr
        found = re.findall(
            r"data-stack-(\w+)\.service\n.*?ExecStart=(.*?)\nWorkingDirectory=(.*?)\n",
            shown.stdout, re.DOTALL,
        )  # fmt: skip
        self.units = {name: (shlex.split(command), folder) for name, command, folder in found}

    def start(self, name: str) -> None:
        command, folder = self.units[name]
        with self.log(name).open("a") as output:
            self.running[name] = subprocess.Popen(
                command, cwd=folder, env=self.stack.env(), stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self.groups.append(self.running[name].pid)

    def log(self, name: str):
        return self.stack.home.parent / f"{name}.log"

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            with suppress(OSError):
                if condition():
                    return
            ended = [name for name, process in self.running.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                raise TimeoutError(
                    {name: self.log(name).read_text()[-2000:] for name in self.units}
                )
            time.sleep(0.3)

    def signal(self, name: str, number: int) -> int:
        process = self.running.pop(name)
        process.send_signal(number)
        return process.wait(120)


@pytest.fixture(scope="module")
def machine(tmp_path_factory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("vm")
    machine = Machine(StackProcess(folder / "stack", {"OBSERVE_PORT": "0"}), free_port())
    try:
        for name in machine.units:
            machine.start(name)
        yield machine
    finally:
        for process in machine.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(120)


@pytest.fixture(scope="module")
def ui(machine) -> Webserver:
    ui = Webserver(f"http://127.0.0.1:{machine.port}")
    machine.wait_for(ui.answers)
    return ui


def loads(ui: Webserver) -> bool:
    entries = "workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {"
    found = ui.query(f"{{ {entries} __typename }} }} }} }} }}")["workspaceOrError"]
    kinds = [e["locationOrLoadError"]["__typename"] for e in found["locationEntries"]]
    return kinds == ["RepositoryLocation"]


def runs_well(machine: Machine, ui: Webserver) -> bool:
    run_id = ui.launch(LOCATION, MONITORING.name)
    with dg.DagsterInstance.from_config(str(machine.stack.home / "dagster")) as instance:
        machine.wait_for(lambda: instance.get_run_by_id(run_id).is_finished)
        return instance.get_run_by_id(run_id).is_success


def listeners(pid: int) -> set[str]:
    """Addresses of IPv4 and IPv6 at which a process listens, in hexadecimal."""
    sockets = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            sockets.add(str(handle.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            local, state, inode = (line.split()[at] for at in (1, 3, 9))
            if state == "0A" and f"socket:[{inode}]" in sockets:
                found.add(local.partition(":")[0])
    return found


def test_it_survives_what_kills_its_processes_and_ends_cleanly(machine, ui):
    assert set(machine.units) >= {"code", "webserver", "daemon"}
    machine.wait_for(lambda: loads(ui))
    # Nothing but the UI on loopback, and who may write to the folder runs code.
    loopback = {"0100007F"}
    assert listeners(machine.running["webserver"].pid) == loopback
    assert not listeners(machine.running["code"].pid) | listeners(machine.running["daemon"].pid)
    assert (machine.stack.home / "service").stat().st_mode & 0o077 == 0

    machine.signal("code", signal.SIGKILL)
    machine.start("code")
    machine.wait_for(
        lambda: loads(ui) and "LOCATION_UPDATED" in machine.log("webserver").read_text()
    )
    assert runs_well(machine, ui)
    assert "\x1b[" not in "".join(machine.log(name).read_text() for name in machine.units)

    assert {machine.signal(name, signal.SIGTERM) for name in [*machine.running]} == {0}
    machine.wait_for(lambda: not any(map(is_there, machine.groups)))


def is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
