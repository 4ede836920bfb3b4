"""A tick on a real instance: what it stores, whom it tells, and when its run fails."""

import json
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck as Rule
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.monitoring import Health, HealthCheck, State
from stack.monitoring.monitor import health_assets, health_check_keys, health_monitor
from stack.settings import StackSettings, load_settings
from support.examples import examples

NAMES = ("lake", "mill")
pytestmark = pytest.mark.usefixtures("stack_home")


class Dependencies:
    """Two dependencies in states that a test sets, and a job that looks at them."""

    def __init__(self):
        self.states = dict.fromkeys(NAMES, State.OK)
        checks = [HealthCheck(name, f"The {name}.", self.probe_of(name)) for name in NAMES]
        job = dg.define_asset_job(
            "monitoring", selection=dg.AssetSelection.checks(*health_check_keys(checks))
        )
        self.definitions = dg.Definitions(
            assets=health_assets(checks),
            asset_checks=[health_monitor("monitor", checks, "monitoring")],
            jobs=[job],
            executor=dg.in_process_executor,
        )

    def probe_of(self, name):
        return lambda _: Health(self.states[name], f"{name} is as told", numbers={"boats": 3})

    def tick(self, instance, **states):
        self.states |= states
        job = self.definitions.resolve_job_def("monitoring")
        return job.execute_in_process(instance=instance, raise_on_error=False)


@pytest.fixture
def dependencies():
    return Dependencies()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def observations(instance, name):
    records = instance.fetch_observations(dg.AssetKey(["health", name]), limit=100).records
    return [r.asset_observation for r in reversed(records)]


def alerts():
    folder = Path(load_settings(StackSettings).alerts)
    found = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    return sorted(found, key=lambda alert: alert["created_at"])


def failure_of(result):
    return result.failure_data_for_node("monitor").user_failure_data.description


def test_a_run_fails_only_for_what_is_down_and_names_each(dependencies, instance):
    assert dependencies.tick(instance, lake=State.DEGRADED, mill=State.NOT_CONFIGURED).success
    result = dependencies.tick(instance, lake=State.DOWN, mill=State.OK)
    assert not result.success
    assert failure_of(result) == "1 of 2 down: lake: lake is as told"
    result = dependencies.tick(instance, lake=State.DOWN, mill=State.DOWN)
    assert failure_of(result) == "2 of 2 down: lake: lake is as told; mill: mill is as told"
    assert dependencies.tick(instance, lake=State.OK, mill=State.OK).success


def test_every_tick_is_in_the_history_also_those_that_fail(dependencies, instance):
    for state in (State.OK, State.DOWN, State.DEGRADED):
        dependencies.tick(instance, lake=state)
    history = observations(instance, "lake")
    assert [o.metadata["state"].value for o in history] == ["ok", "down", "degraded"]
    assert {o.metadata["sentence"].value for o in history} == {"lake is as told"}
    assert all(o.metadata["latency_s"].value >= 0 for o in history)
    assert {o.metadata["boats"].value for o in history} == {3.0}


@pytest.mark.parametrize(
    ("state", "passed", "severity"),
    [
        (State.OK, True, dg.AssetCheckSeverity.WARN),
        (State.NOT_CONFIGURED, True, dg.AssetCheckSeverity.WARN),
        (State.DEGRADED, False, dg.AssetCheckSeverity.WARN),
        (State.DOWN, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_the_check_of_each_state(dependencies, instance, state, passed, severity):
    result = dependencies.tick(instance, lake=state)
    [lake] = [e for e in result.get_asset_check_evaluations() if "lake" in e.asset_key.path]
    assert (lake.check_name, lake.passed, lake.severity) == ("healthy", passed, severity)
    assert lake.description == "lake is as told"


def test_an_outage_of_many_ticks_is_one_alert_and_its_end_one_note(dependencies, instance):
    first = dependencies.tick(instance, lake=State.DOWN)
    for state in (State.DOWN, State.DOWN, State.OK, State.OK):
        dependencies.tick(instance, lake=state)
    assert [(a["type"], a["severity"]) for a in alerts()] == [
        ("outage_lake", "error"),
        ("recovery_lake", "info"),
    ]
    assert alerts()[0]["run_id"] == first.run_id
    assert alerts()[0]["source"] == "monitoring"


def test_two_outages_are_two_alerts(dependencies, instance):
    for state in (State.DOWN, State.OK, State.DOWN):
        dependencies.tick(instance, lake=state)
    assert [a["type"] for a in alerts()] == ["outage_lake", "recovery_lake", "outage_lake"]


@settings(max_examples=examples(5), suppress_health_check=[Rule.function_scoped_fixture])
@given(st.lists(st.sampled_from(list(State)), max_size=5))
def test_any_sequence_of_states_is_told_once_an_outage(tmp_path_factory, states):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("STACK_HOME", str(home))
        dependencies = Dependencies()
        results = [dependencies.tick(instance, mill=state).success for state in states]
        begun = [
            a for a, b in zip(states, [State.OK, *states], strict=False) if a == State.DOWN != b
        ]
        assert [a["type"] for a in alerts()].count("outage_mill") == len(begun)
    assert results == [state is not State.DOWN for state in states]


def test_an_alert_that_cannot_be_written_is_written_by_a_later_tick(
    stack_home, dependencies, instance
):
    stack_home.mkdir()
    blocked = stack_home / "alerts"
    blocked.write_text("a file where the folder belongs")
    assert not dependencies.tick(instance, lake=State.DOWN).success
    assert len(observations(instance, "lake")) == 1
    blocked.unlink()
    dependencies.tick(instance, lake=State.DOWN)
    dependencies.tick(instance, lake=State.DOWN)
    assert [a["type"] for a in alerts()] == ["outage_lake"]


def test_a_tick_that_died_before_its_observation_is_repeated_without_a_second_alert(
    dependencies, instance, monkeypatch
):
    dependencies.tick(instance, lake=State.OK)
    with monkeypatch.context() as patch:
        patch.setattr(dg.OpExecutionContext, "log_event", lambda *_: (_ for _ in ()).throw(OSError))
        dependencies.tick(instance, lake=State.DOWN)
    assert len(observations(instance, "lake")) == 1
    assert len(alerts()) == 1
    dependencies.tick(instance, lake=State.DOWN)
    assert len(alerts()) == 1


def test_an_observation_that_someone_else_logged_hides_no_outage(dependencies, instance):
    instance.report_runless_asset_event(dg.AssetObservation(dg.AssetKey(["health", "lake"])))
    dependencies.tick(instance, lake=State.DOWN)
    assert [a["type"] for a in alerts()] == ["outage_lake"]


def test_one_check_can_be_run_alone(dependencies, instance):
    job = dependencies.definitions.resolve_job_def("monitoring")
    key = dg.AssetCheckKey(dg.AssetKey(["health", "mill"]), "healthy")
    repository = dependencies.definitions.get_repository_def()
    subset = repository.get_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={key}
    )
    assert job.name != subset.name
    assert subset.execute_in_process(instance=instance).success
    assert (len(observations(instance, "lake")), len(observations(instance, "mill"))) == (0, 1)


def test_no_pool_keeps_monitoring_waiting(dependencies):
    job = dependencies.definitions.resolve_job_def("monitoring")
    assert {node.definition.pool for node in job.nodes} == {None}


def test_an_alert_that_was_handled_does_not_come_back_while_the_outage_lasts(
    stack_home, dependencies, instance
):
    dependencies.tick(instance, lake=State.DOWN)
    for file in (stack_home / "alerts").iterdir():
        file.unlink()
    dependencies.tick(instance, lake=State.DOWN)
    assert alerts() == []
