"""Whether the stack needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from observability.facts.model import Facts
from observability.incidents.model import Incident, Severity


class State(StrEnum):
    """The state of the stack as a whole; `exit_code` is the command's."""

    WELL = "well"
    NEEDS_A_PERSON = "needs_a_person"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """0, 1 and 2, in this order."""
        return list(State).index(self)


@dataclass(frozen=True)
class Verdict:
    """The state in a sentence, and what a person is needed for, worst first."""

    state: State
    sentence: str
    incidents: tuple[Incident, ...] = ()


def verdict_of(facts: Facts, incidents: Sequence[Incident]) -> Verdict:
    """Known trouble weighs more than parts that couldn't be looked at."""
    people = tuple(i for i in incidents if i.finding.severity is not Severity.INFO)
    if people:
        things = "1 thing needs" if len(people) == 1 else f"{len(people)} things need"
        return Verdict(State.NEEDS_A_PERSON, f"{things} a person", people)
    if facts.unknown:
        parts = ", ".join(sorted(facts.unknown))
        return Verdict(State.UNKNOWN, f"nothing is known to be wrong, but not looked at: {parts}")
    if not facts.pipelines:
        return Verdict(State.UNKNOWN, "nothing has run yet; `make run` begins")
    return Verdict(State.WELL, "all is well")
