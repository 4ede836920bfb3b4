"""Misbehaving connectors, as real processes: a clear error, and nothing left behind."""

import logging
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from ingestion.airbyte.messages import Record
from ingestion.airbyte.process import Limits
from ingestion.airbyte.protocol import ConnectorError, remove_leftovers
from support.fake_connector import Script, connect_to

SHORT = Limits(deadline=30, silence=0.5)


def read(connector) -> list[dict]:
    return [m.data for m in connector.read([], None) if isinstance(m, Record)]


def failure(tmp_path: Path, script: Script, **how) -> str:
    with connect_to(tmp_path, script, **how) as connector, pytest.raises(ConnectorError) as error:
        read(connector)
    assert "\n" not in str(error.value)
    return str(error.value)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be collected counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


def test_streams_are_discovered_after_the_check(tmp_path):
    with connect_to(tmp_path, Script(streams={"deals": {"id": "integer"}})) as connector:
        assert [stream["name"] for stream in connector.discover()] == ["deals"]


def test_records_come_in_order_and_other_messages_pass_by(tmp_path):
    script = Script(
        read="""
for i in range(3):
    record("deals", id=i)
    say("CONTROL", control={"type": "CONNECTOR_CONFIG"})
    say("FROM_A_LATER_PROTOCOL", anything=1)
"""
    )
    with connect_to(tmp_path, script) as connector:
        assert read(connector) == [{"id": 0}, {"id": 1}, {"id": 2}]


def test_exit_code_and_the_reason_on_stderr_are_told(tmp_path):
    script = Script(read='sys.stderr.write("Traceback\\nKeyError: quota\\n"); sys.exit(3)')
    found = failure(tmp_path, script)
    assert "source-fake==1.0" in found
    assert "read: it exited with 3: KeyError: quota" in found


def test_the_trace_error_is_told_rather_than_stderr(tmp_path):
    script = Script(
        read='error("Token expired", failure_type="config_error", internal_message="401")\n'
        'sys.stderr.write("noise"); sys.exit(1)'
    )
    found = failure(tmp_path, script)
    assert found.endswith("exited with 1: Token expired (401); correct the connection's config")
    assert "noise" not in found


def test_a_trace_error_fails_the_read_even_with_exit_code_0(tmp_path):
    assert "it reported an error: half done" in failure(tmp_path, Script(read='error("half done")'))


def test_records_before_a_failure_are_handed_out(tmp_path):
    script = Script(read='record("deals", id=1)\nsys.exit(1)')
    seen = []
    with connect_to(tmp_path, script) as connector, pytest.raises(ConnectorError):
        seen.extend(message.data for message in connector.read([], None))
    assert seen == [{"id": 1}]


def test_a_few_stray_lines_are_logged_and_passed_over(tmp_path, caplog):
    script = Script(read='print("Loading model...", flush=True)\nprint(42)\nrecord("deals", id=1)')
    with connect_to(tmp_path, script) as connector, caplog.at_level(logging.WARNING):
        assert read(connector) == [{"id": 1}]
    assert "Loading model..." in caplog.text


def test_output_that_is_mostly_garbage_is_an_error(tmp_path):
    script = Script(read='for _ in range(1000): print("garbage")')
    assert "more than 100 lines of output are no messages" in failure(tmp_path, script)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            '{"type": "RECORD", "record": {"stream": "deals", "da',
            "cut off or broken after 52",
        ),
        ('{"type": "RECORD", "record": {"stream": "deals"}}', "RECORD message with no 'data'"),
        ('{"type": "STATE"}', "STATE message with no 'state'"),
    ],
)
def test_a_message_that_is_not_whole_is_an_error(tmp_path, output, told):
    assert told in failure(tmp_path, Script(read=f"raw({output!r})"))


def test_output_cut_off_by_a_kill_tells_of_both(tmp_path):
    script = Script(
        read='raw(\'{"type": "RECORD", "record": {"st\')\nos.kill(os.getpid(), signal.SIGKILL)'
    )
    found = failure(tmp_path, script)
    assert "message cut off" in found
    assert "it was killed by signal 9" in found


def test_a_silent_connector_is_stopped(tmp_path):
    script = Script(read='record("deals", id=1)\nhang()')
    found = failure(tmp_path, script, limits=SHORT)
    assert "no output for 0.5 s; stopped (AIRBYTE_SILENCE_SECONDS)" in found


def test_a_connector_that_never_ends_is_stopped(tmp_path):
    script = Script(read='while True: log("INFO", "still at it")')
    found = failure(tmp_path, script, limits=Limits(deadline=1, silence=30))
    assert "not done after 1 s; stopped (AIRBYTE_DEADLINE_SECONDS)" in found


def test_a_connector_that_ignores_the_polite_signal_is_killed_with_its_workers(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("ingestion.airbyte.process.TERM_GRACE_SECONDS", 0.2)
    script = Script(
        read="""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = subprocess.Popen([sys.executable, "-ISc", "import signal; signal.pause()"])
record("deals", own=os.getpid(), worker=worker.pid)
hang()
"""
    )
    with connect_to(tmp_path, script, limits=SHORT) as connector:
        messages = connector.read([], None)
        pids = next(messages).data
        with pytest.raises(ConnectorError):
            next(messages)
    assert wait_until(lambda: all(is_gone(pid) for pid in pids.values()))


def test_a_reader_that_stops_early_stops_the_connector(tmp_path):
    script = Script(read='record("deals", pid=os.getpid())\nhang()')
    with connect_to(tmp_path, script) as connector:
        messages = connector.read([], None)
        pid = next(messages).data["pid"]
        messages.close()
        assert is_gone(pid)


def test_a_line_beyond_all_measure_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ingestion.airbyte.process.MAX_LINE_BYTES", 2 << 20)
    script = Script(read='raw("x" * (8 << 20))')
    assert "a line of output is longer than 2 MiB" in failure(tmp_path, script)


def test_a_large_record_comes_whole(tmp_path):
    script = Script(read='record("deals", text="x" * 5_000_000)')
    with connect_to(tmp_path, script) as connector:
        assert [len(data["text"]) for data in read(connector)] == [5_000_000]


def test_floods_of_stderr_do_not_block_the_connector(tmp_path):
    script = Script(read='sys.stderr.write("noise\\n" * 200_000)\nrecord("deals", id=1)')
    with connect_to(tmp_path, script) as connector:
        assert read(connector) == [{"id": 1}]


def test_a_source_that_refuses_the_configuration_says_why(tmp_path):
    refused = 'say("CONNECTION_STATUS", connectionStatus={"status": "FAILED", "message": "no"})'
    with (
        connect_to(tmp_path, Script(check=refused)) as connector,
        pytest.raises(ConnectorError, match="check: the source refuses: no"),
    ):
        connector.discover()


def test_a_command_without_an_answer_is_an_error(tmp_path):
    with (
        connect_to(tmp_path, Script(check="pass")) as connector,
        pytest.raises(ConnectorError, match="check: it ended without a ConnectionStatus message"),
    ):
        connector.discover()


SPEC_WITH_SECRET = """
say("SPEC", spec={"connectionSpecification": {
    "type": "object",
    "required": ["region"],
    "properties": {
        "region": {"type": "string", "enum": ["eu", "us"]},
        "credentials": {"oneOf": [{"properties": {"token": {
            "type": "string", "minLength": 20, "airbyte_secret": True}}}]},
    },
}})
"""


def test_a_configuration_that_the_spec_forbids_is_told_without_its_values(tmp_path):
    config = {"region": "mars", "credentials": {"token": "hunter2-short"}}
    with (
        connect_to(tmp_path, Script(spec=SPEC_WITH_SECRET), config=config) as connector,
        pytest.raises(ConnectorError) as error,
    ):
        connector.discover()
    assert 'config.region fails enum: ["eu", "us"]' in str(error.value)
    assert "config.credentials fails oneOf" in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("wrong", ['"pattern": "(?i"', '"$ref": "#/nowhere"', '"type": "txt"'])
def test_a_spec_that_is_itself_wrong_leaves_the_verdict_to_check(tmp_path, wrong):
    schema = f'{{"properties": {{"region": {{{wrong}}}}}}}'
    script = Script(spec=f'say("SPEC", spec={{"connectionSpecification": {schema}}})')
    with connect_to(tmp_path, script, config={"region": "eu"}) as connector:
        assert connector.discover() == ()


def test_secrets_are_masked_in_logs_and_errors(tmp_path, caplog):
    script = Script(
        spec=SPEC_WITH_SECRET,
        read='log("ERROR", "GET /?token=" + config["credentials"]["token"])\n'
        'print("and", config["credentials"]["token"], flush=True)\n'
        'error("refused " + config["credentials"]["token"] + " for " + config["region"])',
    )
    config = {"region": "eu", "credentials": {"token": 'hunter2"with\\escapes-and-more'}}
    with connect_to(tmp_path, script, config=config) as connector:
        connector.discover()
        with pytest.raises(ConnectorError) as error:
            read(connector)
    assert "refused *** for eu" in str(error.value)
    assert "GET /?token=***" in caplog.text
    assert "hunter2" not in caplog.text + str(error.value)


def test_log_levels_become_those_of_python(tmp_path, caplog):
    script = Script(read='log("FATAL", "a")\nlog("WARN", "b")\nlog("INFO", "c\\nd")')
    with connect_to(tmp_path, script) as connector, caplog.at_level(logging.DEBUG):
        read(connector)
    levels = [(r.levelname, r.getMessage().split(": ")[1]) for r in caplog.records]
    assert levels == [("CRITICAL", "a"), ("WARNING", "b"), ("DEBUG", "c d")]


def test_a_connector_sees_nothing_of_our_environment_but_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("DATAHUB_GMS_TOKEN", "hunter2")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    script = Script(read='record("deals", **os.environ)')
    with connect_to(tmp_path, script) as connector:
        [seen] = read(connector)
    assert "hunter2" not in seen.values()
    assert seen["HTTPS_PROXY"] == "http://proxy:3128"
    assert seen["HOME"] == str(connector.folder)


def test_only_we_may_read_the_configuration_and_it_goes_with_the_run(tmp_path):
    script = Script(read='record("deals", path=options["--config"], state=saved)')
    with connect_to(tmp_path, script, config={"token": "hunter2"}) as connector:
        messages = list(connector.read([], [{"type": "STREAM"}]))
        path = Path(messages[0].data["path"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert messages[0].data["state"] == [{"type": "STREAM"}]
    assert not path.parent.exists()


def test_what_a_killed_run_left_is_removed_and_a_living_one_s_is_kept(tmp_path):
    (dead := tmp_path / "999999999-abc").mkdir()
    (dead / "config.json").write_text("secret")
    (alive := tmp_path / f"{os.getpid()}-def").mkdir()
    remove_leftovers(tmp_path)
    assert not dead.exists()
    assert alive.exists()


def test_an_interrupt_while_a_connector_is_being_started_leaves_none_behind(tmp_path, monkeypatch):
    started = []
    start = subprocess.Popen

    def interrupted(*arguments, **options):
        started.append(start(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return started[-1]

    with connect_to(tmp_path, Script(read="hang()")) as connector, monkeypatch.context() as patch:
        patch.setattr("ingestion.airbyte.process.subprocess.Popen", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read(connector)
    assert is_gone(started[0].pid)
