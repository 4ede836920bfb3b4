"""Whatever arrives, dies or ends in any order: no alert is lost, none is remedied twice."""

import tempfile
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.examples import examples
from unit.stack.remediation.daemon import Daemon

SEVERITIES = ["critical", "error", "warning"]
STEPS = st.one_of(
    st.tuples(st.just("drop"), st.sampled_from(SEVERITIES)),
    st.tuples(st.just("junk"), st.integers(0, 2)),
    st.tuples(st.just("tick"), st.booleans()),
    st.tuples(st.just("end"), st.sampled_from(["healed", "not_healed", "failed"])),
)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=25))
def test_each_alert_is_handled_once_and_each_file_is_kept(steps):
    with (
        tempfile.TemporaryDirectory() as home,
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        patch.setattr("stack.settings.env_files", tuple)
        patch.setenv("STACK_HOME", home)
        daemon = Daemon(Path(home), instance)
        daemon.folder.mkdir()
        dropped, junk, going = {}, 0, []
        expected: dict[str, str] = {}
        for action, value in [*steps, *[("tick", False)] * 3]:
            if action == "drop":
                name = f"{len(dropped)}.json"
                daemon.drop(name, severity=value, description=name)
                dropped[name] = value
            elif action == "junk":
                (daemon.folder / f"junk-{value}.json").write_text(f"junk {junk}")
                junk += 1
            elif action == "tick":
                before = set(daemon.runs)
                daemon.tick(lost=value)
                going += [daemon.runs[key] for key in daemon.runs if key not in before]
            elif going:
                run = going.pop(0)
                daemon.end(run, None if value == "failed" else value, failed=value == "failed")
                expected[run.tags["alert/file"]] = value
        for run in going:
            daemon.end(run, "healed")
            expected[run.tags["alert/file"]] = "healed"
        daemon.tick()
        to_remedy = {name for name, severity in dropped.items() if severity != "warning"}
        assert set(expected) == to_remedy
        assert instance.get_runs_count() == len(to_remedy)
        outcomes = {name: handling["outcome"] for name, handling in daemon.archive().items()}
        seen = dict.fromkeys(set(dropped) - to_remedy, "seen")
        assert outcomes == expected | seen
        assert daemon.incoming() == []
