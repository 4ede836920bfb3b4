"""What is wrong now, even if no process reports it."""

from __future__ import annotations

from datetime import datetime

from observability.facts.model import Facts
from observability.incidents.found import findings, kinds_looked_at
from observability.incidents.ledger import compare
from observability.incidents.model import Incident, Kind
from observability.messages.state import State
from observability.messages.telling import failing_channels


def standing(facts: Facts, state: State, now: datetime) -> list[Incident]:
    """The open incidents, worst and oldest first. `state` is the messages' kept state."""
    found = [*findings(facts, state.running_since), *failing_channels(state)]
    looked_at = kinds_looked_at(facts) | {Kind.CHANNEL}
    current, _ = compare(state.incidents, found, now, looked_at)
    return sorted(current.values(), key=lambda i: (-i.finding.severity.rank, i.finding.since))
