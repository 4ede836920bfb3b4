"""Whatever the history, anything that is latest, new, wanted or in progress stays."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stack.retention.policy import PastRun, RunPolicy, runs_to_delete

NOW = datetime(2026, 1, 31, tzinfo=UTC)
JOBS = ("daily", "monitoring", "files")
POLICIES = st.builds(
    RunPolicy,
    days=st.integers(0, 40),
    newest=st.integers(1, 4),
    days_of=st.dictionaries(st.just("monitoring"), st.integers(0, 40)),
)


@st.composite
def histories(draw):
    """Runs, and for each the assets and checks that it has an event of."""
    runs = []
    for number in range(draw(st.integers(0, 25))):
        job, stage = draw(st.sampled_from(JOBS)), draw(st.sampled_from(("", "ingestion")))
        run = PastRun(
            id=f"run-{number}",
            job=job,
            line=(job, stage),
            created=NOW - timedelta(hours=draw(st.integers(0, 24 * 60))),
            is_finished=draw(st.booleans()),
            named=frozenset({f"run-{number}"}),
        )
        runs.append((run, draw(st.sets(st.sampled_from(("asset a", "asset b", "check"))))))
    return runs


def latest(history):
    """Of each asset and check, the run with the newest event."""
    found = {}
    for run, subjects in sorted(history, key=lambda item: (item[0].created, item[0].id)):
        found |= dict.fromkeys(subjects, run.id)
    return found


@given(histories(), POLICIES)
def test_the_latest_event_of_each_asset_and_check_survives(history, policy):
    before = latest(history)
    gone = runs_to_delete([run for run, _ in history], set(before.values()), policy, NOW)
    assert latest([item for item in history if item[0] not in gone]) == before


@given(histories(), POLICIES)
def test_nothing_in_progress_is_touched_and_nothing_young(history, policy):
    for run in runs_to_delete([run for run, _ in history], set(), policy, NOW):
        days = policy.days_of.get(run.job, policy.days)
        assert run.is_finished
        assert days
        assert NOW - run.created > timedelta(days=days)


@given(histories(), POLICIES)
def test_the_newest_runs_of_each_line_stay(history, policy):
    runs = [run for run, _ in history]
    gone = runs_to_delete(runs, set(), policy, NOW)
    for line in {run.line for run in runs}:
        newest = sorted((r for r in runs if r.line == line), key=lambda r: (r.created, r.id))
        assert not set(newest[-policy.newest :]) & set(gone)


@given(histories(), POLICIES)
def test_a_second_round_finds_nothing_left(history, policy):
    runs = [run for run, _ in history]
    gone = runs_to_delete(runs, set(), policy, NOW)
    assert gone == sorted(gone, key=lambda run: (run.created, run.id))
    assert runs_to_delete([run for run in runs if run not in gone], set(), policy, NOW) == []
