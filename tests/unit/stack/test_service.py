"""`stack service`: the files for systemd and launchd, and the commands to both."""

import os
import plistlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from fakes.systemctl import Systemctl
from stack.errors import StackError
from stack.one_machine.lock import AlreadyRunningError, hold_daemon
from stack.paths import checkout_root
from stack.service import cli, launchd, parts, running, systemd
from support.http_server import Reply, http_server


@pytest.fixture
def machine(tmp_path, stack_home, monkeypatch) -> Systemctl:
    """A user's folders, and a systemd that says yes."""
    (tmp_path / "bin").mkdir()
    found = Systemctl(tmp_path / "bin")
    monkeypatch.setenv("PATH", found.path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(sys, "platform", "linux")
    return found


@pytest.fixture
def ui():
    with http_server(lambda _: Reply(200, {})) as server:
        yield server.port


def call(*arguments):
    return CliRunner().invoke(cli.service, [*map(str, arguments)], standalone_mode=False)


def units(tmp_path):
    folder = tmp_path / "config" / "systemd" / "user"
    return {file.name: file.read_text() for file in folder.iterdir()} if folder.is_dir() else {}


def test_systemd_takes_the_units_whatever_the_path(tmp_path, stack_home, monkeypatch):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    root = tmp_path / "a b%c $d"
    root.mkdir()
    program = root / "stack"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(parts, "program", lambda: program)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    files = systemd.Systemd().files(parts.parts(), root)
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", *map(str, files)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    # Of systemd 254; older ones go on without.
    late = ("RestartSteps", "RestartMaxDelaySec")
    assert not [line for line in said if not any(word in line for word in late)], done.stderr
    assert str(root).replace("%", "%%") in files[next(iter(files))]


def test_launchd_gets_property_lists_that_keep_each_process_alive(tmp_path, stack_home):
    for part in parts.parts(3333):
        found = plistlib.loads(launchd.agent(part, tmp_path).encode())
        assert found["KeepAlive"] is True
        assert found["RunAtLoad"] is True
        assert found["ProgramArguments"][: len(part.command)] == [*part.command]
        assert found["WorkingDirectory"] == str(tmp_path)
        assert Path(found["ProgramArguments"][0]).is_file()
        assert "--log" in found["ProgramArguments"]


def test_what_launchd_says_of_a_process_is_read():
    (part, *_) = parts.parts()
    told = "gui/501/x = {\n\tactive count = 1\n\tstate = running\n\truns = 3\n\tpid = 812\n}\n"
    state = launchd._state(part, told)
    assert (state.running, state.restarts, state.process) == (True, 2, 812)
    assert not launchd._state(part, "").running


def test_a_dry_run_shows_the_files_and_writes_none(machine, tmp_path):
    shown = call("install", "--dry-run")
    assert shown.exit_code == 0, shown.exception
    assert "ExecStart=" in shown.output
    assert "WantedBy=default.target" in shown.output
    assert not units(tmp_path)
    assert not machine.asked()


def test_installing_again_changes_nothing(machine, tmp_path, ui):
    first = call("install", "--port", ui)
    assert first.exit_code == 0, first.exception
    assert f"http://localhost:{ui}" in first.output
    written, asked = units(tmp_path), machine.asked()
    assert f"systemctl --user enable {systemd.TARGET}" in asked
    assert "loginctl enable-linger" in asked
    assert call("install", "--port", ui).exit_code == 0
    again = machine.asked()
    assert units(tmp_path) == written
    assert not [line for line in again if "restart" in line or "linger" in line]


def test_another_port_starts_the_processes_anew(machine, tmp_path, ui):
    call("install", "--port", ui)
    machine.asked()
    with http_server(lambda _: Reply(401, {})) as other:
        assert call("install", "--port", other.port).exit_code == 0
    assert [line for line in machine.asked() if "--user restart" in line]
    assert str(other.port) in units(tmp_path)["freelancer-data-stack-webserver.service"]


def test_what_may_not_linger_is_told_how(machine, ui):
    machine.files["forbidden"].touch()
    assert "sudo loginctl enable-linger" in call("install", "--port", ui).output


def test_uninstalling_leaves_no_file_and_can_be_done_twice(machine, tmp_path, ui):
    call("install", "--port", ui)
    machine.asked()
    assert "removed" in call("uninstall").output
    assert not units(tmp_path)
    asked = machine.asked()
    assert f"systemctl --user disable {systemd.TARGET}" in asked
    assert asked[-1] == "systemctl --user daemon-reload"
    assert "is not installed" in call("uninstall").output


def test_the_service_of_another_checkout_is_left_alone(machine, tmp_path, ui, monkeypatch):
    call("install", "--port", ui)
    written = units(tmp_path)
    monkeypatch.setattr(cli, "program", lambda: Path("/home/other/.venv/bin/stack"))
    refused = call("install", "--port", ui)
    assert "another checkout" in str(refused.exception)
    assert units(tmp_path) == written


@pytest.mark.parametrize(("state", "code"), [("active", 0), ("failed", 1), ("activating", 1)])
def test_the_status_is_an_exit_code_too(machine, ui, state, code):
    call("install", "--port", ui)
    machine.files["state"].write_text(state)
    shown = call("status")
    assert shown.return_value == code
    assert state in shown.output


def test_without_systemd_the_message_has_the_commands(machine, tmp_path):
    machine.files["away"].touch()
    refused = call("install")
    assert isinstance(refused.exception, StackError)
    for part in parts.parts():
        assert " ".join(part.command) in str(refused.exception)
    assert not units(tmp_path)


def test_a_bad_line_of_env_is_said_before_anything_is_written(machine, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_ENV", "production")
    assert "DAGSTER_ENV" in str(call("install").exception)
    assert not units(tmp_path)


def test_what_is_not_installed_has_no_status(machine):
    assert "stack service install" in str(call("status").exception)


def test_a_home_of_its_own_goes_with_the_service(machine, stack_home):
    assert f"STACK_HOME={stack_home}" in call("install", "--dry-run").output


def test_a_socket_whose_path_is_too_long_is_refused(tmp_path):
    with pytest.raises(StackError, match="STACK_HOME"):
        running._socket(tmp_path / ("x" * 100))


def test_two_daemons_are_one_too_many(tmp_path):
    hold_daemon(tmp_path)
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
        hold_daemon(tmp_path)


LOGGING = """
import subprocess, sys
from pathlib import Path
from stack.service.logfile import log_into
log_into(Path(sys.argv[1]), 2_000)
for number in range(3000):
    print("line", number)
sys.stdout.flush()
subprocess.run(["echo", "from a child"])
raise SystemExit("the last words")
"""


def test_a_log_file_has_a_bound_and_the_last_words(tmp_path):
    file = tmp_path / "logs" / "code.log"
    subprocess.run([sys.executable, "-c", LOGGING, str(file)], check=False, timeout=60)
    # The process that writes it may end a little later.
    deadline = time.monotonic() + 60
    while "the last words" not in file.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "from a child" in file.read_text()
    files = list(file.parent.iterdir())
    assert len(files) == 5
    assert sum(one.stat().st_size for one in files) <= 5 * 2_000


def test_the_commands_are_of_this_environment():
    root = checkout_root()
    assert root is not None
    assert parts.program().is_file()
