"""Checks run side by side without affecting each other."""

import threading

import dagster as dg
import pytest

from stack.monitoring import Health, HealthCheck, State
from stack.monitoring.probing import run_checks
from stack.settings import SettingsError

SECRET = "hunter2-hunter2"


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def ok(_instance):
    return Health(State.OK, "fine")


def failing(_instance):
    raise ConnectionError(f"postgresql://user:{SECRET}@host refused")


def check(name, probe, **fields):
    return HealthCheck(name, f"{name} for a test", probe, **fields)


def test_one_that_fails_and_one_that_hangs_leave_the_third_its_answer(instance):
    released = threading.Event()

    def hanging(_instance):
        released.wait(60)
        return Health(State.OK, "too late")

    found = run_checks(
        [check("a", failing), check("b", hanging, deadline_s=0.2), check("c", ok)], instance
    )
    released.set()
    assert [(name, health.state) for name, health in found.items()] == [
        ("a", State.DOWN),
        ("b", State.DOWN),
        ("c", State.OK),
    ]
    assert found["b"].sentence == "no answer within 0.2 s"
    assert found["b"].latency_s >= 0.2


def test_a_check_that_fails_is_found_by_its_line_and_says_nothing_secret(instance):
    sentence = run_checks([check("a", failing)], instance)["a"].sentence
    assert "ConnectionError at test_probing.py:" in sentence
    assert SECRET not in sentence


def test_a_setting_that_is_wrong_is_named(instance):
    def misconfigured(_instance):
        raise SettingsError("AIRBYTE_PORT: got 'x', but it accepts a number")

    health = run_checks([check("a", misconfigured)], instance)["a"]
    assert (health.state, health.sentence) == (
        State.DOWN,
        "AIRBYTE_PORT: got 'x', but it accepts a number",
    )


def test_an_answer_that_took_long_is_degraded(instance):
    health = run_checks([check("a", ok, slow_s=-1.0)], instance)["a"]
    assert health.state is State.DEGRADED
    assert health.sentence.endswith("fine")


def test_the_instance_reaches_the_probe(instance):
    seen = []

    def probe(given):
        seen.append(given)
        return Health(State.OK, "fine")

    run_checks([check("a", probe)], instance)
    assert seen == [instance]
