"""An outage is reported once, whatever happens in between, and then its end."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from stack.monitoring import Health, State
from stack.monitoring.outages import Observed, outage_after, outage_alert, recovery_alert

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATES = st.lists(st.sampled_from(list(State)), max_size=30)
WORKS, UNWRITABLE, KILLED = "works", "alerts can't be written", "killed before the observation"
FAULTY = st.lists(
    st.tuples(st.sampled_from(list(State)), st.sampled_from([WORKS, UNWRITABLE, KILLED])),
    max_size=30,
)


@dataclass
class Stack:
    """A dependency over many ticks: what the instance and the alerts folder hold."""

    observed: Observed | None = None
    files: Counter[str] = field(default_factory=Counter)
    ticks: int = 0

    def tick(self, state: State, fault: str = WORKS) -> str | None:
        """One run; returns the alert file of the outage that it is in."""
        self.ticks += 1
        health = Health(state, "as told")
        outage = outage_after(self.observed, health, NOW + timedelta(minutes=self.ticks))
        if outage and not outage.alerted and fault != UNWRITABLE:
            self.write(outage_alert("x", outage, health, f"run-{self.ticks}", "test"), outage)
            outage = replace(outage, alerted=True)
        if fault == KILLED:
            return None
        before = self.observed.outage if self.observed else None
        self.observed = Observed(f"run-{self.ticks}", outage)
        if before and before.alerted and not outage and fault != UNWRITABLE:
            self.write(recovery_alert("x", before, health, f"run-{self.ticks}", "test"), before)
        return f"outage_x-{outage.key}" if outage else None

    def write(self, alert, outage):
        self.files[f"{alert.type}-{outage.key}"] += 1


def rows(states):
    return [is_down for is_down, _ in groupby(states, key=lambda s: s is State.DOWN)]


@given(STATES)
def test_one_alert_an_outage_and_one_note_when_it_is_over(states):
    stack = Stack()
    for state in states:
        stack.tick(state)
    outages = rows(states).count(True)
    open_still = bool(states) and states[-1] is State.DOWN
    written = Counter(name.split("-")[0] for name in stack.files.elements())
    assert written["outage_x"] == outages
    assert written["recovery_x"] == outages - open_still
    assert set(stack.files.values()) <= {1}


@given(FAULTY)
def test_no_outage_is_missed_and_none_told_under_two_names(ticks):
    stack = Stack()
    for is_down, row in groupby(ticks, key=lambda t: t[0] is State.DOWN):
        names = set()
        told = False
        for state, fault in row:
            name = stack.tick(state, fault)
            told |= fault == WORKS
            if name:
                names.add(name)
        if is_down:
            assert len(names) <= 1
            assert not told or names <= set(stack.files)


@given(FAULTY)
def test_an_alert_is_written_twice_only_after_a_crash_and_then_into_the_same_file(ticks):
    stack = Stack()
    for state, fault in ticks:
        stack.tick(state, fault)
    crashes = sum(state is State.DOWN and fault == KILLED for state, fault in ticks)
    repeated = sum(n - 1 for name, n in stack.files.items() if name.startswith("outage"))
    assert repeated <= crashes
    assert len([n for n in stack.files if n.startswith("recovery")]) <= len(
        [n for n in stack.files if n.startswith("outage")]
    )


def test_the_alert_says_what_is_down_since_when_and_who_found_it():
    outage = outage_after(None, Health(State.DOWN, "connection refused"), NOW)
    assert outage
    alert = outage_alert("datahub", outage, Health(State.DOWN, "connection refused"), "r1", "me")
    assert (alert.type, alert.severity, alert.run_id) == ("outage_datahub", "error", "r1")
    assert alert.description == "datahub is down: connection refused"
    assert alert.details["since"] == "2026-01-01T00:00:00+00:00"
    over = recovery_alert("datahub", outage, Health(State.OK, "answers"), "r2", "me")
    assert (over.type, over.severity) == ("recovery_datahub", "info")


def test_an_outage_keeps_its_beginning():
    stack = Stack()
    for state in (State.OK, State.DOWN, State.DOWN, State.DOWN):
        stack.tick(state)
    assert stack.observed
    assert stack.observed.outage
    assert stack.observed.outage.since == NOW + timedelta(minutes=2)
