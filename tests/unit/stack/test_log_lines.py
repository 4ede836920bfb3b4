"""Every line is JSON, whatever a library logs or something prints."""

import base64
import io
import json
import logging
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack import redaction
from stack.logs import console, work
from stack.logs.format import LogLine

SECRET = 'canary "9f3a7c"'
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers()),
    max_leaves=5,
)


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setattr(redaction, "_mask", redaction.Redactor(()))
    monkeypatch.setattr(work, "_here", {})
    redaction.remember(SECRET)


def record(message, *arguments, **extra):
    made = logging.LogRecord("a.library", logging.INFO, "", 0, message, arguments, None)
    made.__dict__.update(extra)
    return made


@given(st.text(st.characters()), VALUES)
def test_any_record_is_one_line_that_parses(message, value):
    line = LogLine().format(record("%s", message, fact=value))
    assert "\n" not in line
    line.encode()
    found = json.loads(line, parse_constant=pytest.fail)  # NaN is no JSON
    assert {"time", "level", "logger", "message"} <= found.keys()


@given(st.sampled_from(["{}", "at https://user:{}@host", '{{"token": "{}"}}', "a\n{}\nb"]), VALUES)
def test_no_line_has_a_secret(form, value):
    said = form.format(SECRET)
    try:
        raise ValueError(said)
    except ValueError:
        made = record("%s", said, fact=[value, {"deep": said}])
        made.exc_info = sys.exc_info()
    line = LogLine().format(made)
    found = json.loads(line)
    assert "9f3a7c" not in line
    assert "***" in found["message"]
    assert "ValueError" in found["exception"]


@given(st.lists(st.text(st.characters(exclude_characters="\n")), min_size=1))
def test_prints_become_lines_however_they_are_cut(pieces):
    out = io.StringIO()
    lines = console._Lines(out, "stdout")
    for piece in pieces:
        lines.write(piece)
        lines.write("\n")
    lines.write("without an end")
    lines.end()
    found = [json.loads(line) for line in out.getvalue().split("\n") if line]
    said = [piece.rstrip("\r") for piece in pieces if piece.strip()]
    assert [line["message"] for line in found] == [*said, "without an end"]
    assert {line["logger"] for line in found} == {"stdout"}


def test_a_line_of_the_log_is_not_wrapped_again():
    out = io.StringIO()
    line = LogLine().format(record("hello"))
    console._Lines(out, "stderr").write(f"{line}\n")
    assert out.getvalue() == f"{line}\n"


def test_facts_without_a_sentence_are_fields():
    found = json.loads(LogLine().format(record({"audit": "mutation", "user": "anna"})))
    assert (found["message"], found["user"]) == ("audit mutation", "anna")


def test_a_command_keeps_its_own_output(monkeypatch):
    monkeypatch.setattr(
        sys, "orig_argv", ["/opt/stack/bin/python", "/opt/stack/bin/stack", "query"]
    )
    assert not console.serves()
    for program in (
        ["/opt/stack/bin/dagster", "api"],
        ["-m", "pods.webserver"],
        ["stack", "observe"],
    ):
        monkeypatch.setattr(sys, "orig_argv", ["/opt/stack/bin/python", *program])
        assert console.serves()


def test_the_run_of_a_step_in_its_own_pod_is_known_from_its_argument(monkeypatch):

    packed = base64.b64encode(zlib.compress(b'{"run_id": "3d1bf7cd", "step": "x"}')).decode()
    monkeypatch.setenv(work.STEP_ARGUMENT, packed)
    monkeypatch.setattr(sys, "orig_argv", ["dagster", "api", "execute_step"])
    work.begin_process()
    assert work.known()["run_id"] == "3d1bf7cd"
