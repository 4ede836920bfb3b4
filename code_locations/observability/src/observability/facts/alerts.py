"""Waiting alert files."""

from __future__ import annotations

from observability.facts.model import AlertFact
from observability.facts.unread import Unread
from stack.remediation.inbox import Inbox, MalformedAlertError

# More than these are their writer's fault, and aren't counted.
AT_MOST = 1000


class AlertReader:
    """Reads the folder of alerts, each file only once.

    `unread` has the files that can't be read; those are tried again.
    """

    def __init__(self, url: str) -> None:
        self._inbox = Inbox(url)
        self._known: dict[str, AlertFact] = {}
        self.unread = Unread("alerts")

    def read(self) -> tuple[AlertFact, ...]:
        """All alerts, oldest first."""
        names = (self._inbox.names() or [])[:AT_MOST]
        self.unread.read_new(names, self._known, self._fact, MalformedAlertError)
        return tuple(sorted(self._known.values(), key=lambda fact: (fact.created, fact.file)))

    def _fact(self, name: str) -> AlertFact:
        alert = self._inbox.read(name).alert
        return AlertFact(
            name,
            alert.type,
            alert.severity,
            alert.description,
            alert.created_at,
            alert.run_id or "",
        )
