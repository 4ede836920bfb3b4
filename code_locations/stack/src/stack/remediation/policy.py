"""What is done with an alert, declared as data."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from stack.alerts import Alert, Severity

_ANY: frozenset[Severity] = frozenset({"info", "warning", "error", "critical"})


@dataclass(frozen=True)
class Rule:
    """Alerts of this type (a pattern) and these severities: remedied, or only archived."""

    type: str
    severities: frozenset[Severity]
    remedy: bool
    because: str


# The first match decides.
RULES: tuple[Rule, ...] = (
    Rule("outage_*", _ANY, remedy=False, because="an outage is no fault of the data"),
    Rule("recovery_*", _ANY, remedy=False, because="it says that an outage is over"),
    Rule("remediation_*", _ANY, remedy=False, because="it is about a remediation"),
    Rule(
        "*",
        frozenset({"info", "warning"}),
        remedy=False,
        because="info and warning are for people to look at",
    ),
    Rule("*", _ANY, remedy=True, because="error and critical are remedied"),
)


def reason_to_leave(alert: Alert) -> str | None:
    """Why an alert starts no remediation; None if it does."""
    rule = next(
        r for r in RULES if fnmatchcase(alert.type, r.type) and alert.severity in r.severities
    )
    if not rule.remedy:
        return rule.because
    return None if alert.tables else "it names no tables"
