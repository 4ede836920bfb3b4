"""Reports an outage of the run storage, where the state of messages is otherwise kept.

Meanwhile this process keeps it. If the process ends during the outage, the next one reports anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from observability.facts.model import ReachFact
from observability.facts.reach import RUN_STORAGE
from observability.incidents.found.of_stores import BACK_SETTLE_S, store_away
from observability.incidents.model import Change, Incident, News
from observability.messages.channels import send
from observability.messages.outbox import put
from observability.messages.routing import Route, routes
from observability.messages.sending import Clock, Send, deliver
from observability.messages.state import ChannelState, Message, new_state
from observability.messages.store import InMemory
from observability.messages.telling import utc_now, words_of
from observability.messages.text import message_of
from observability.settings import NotifySettings
from stack.settings import load_settings

LONGEST_WAIT = timedelta(minutes=10)


class StorageTeller:
    """Tells each channel once that the run storage is away, and once that it is back for good."""

    def __init__(self, clock: Clock = utc_now, send: Send = send) -> None:
        self._clock, self._send = clock, send
        self._open: Incident | None = None
        self._back: datetime | None = None
        self._begin(clock())

    def tell(self, reach: Iterable[ReachFact]) -> None:
        """Report what a look found. Raises SettingsError."""
        settings = load_settings(NotifySettings)
        known = routes(settings)
        for store in reach:
            if store.name == RUN_STORAGE:
                self._note(store, known, lambda news: message_of(news, words_of(settings)))
        if self._back is not None:  # who doesn't know of it may learn of the next outage
            known = tuple(route for route in known if route.name in self._knowing())
        deliver(self._kept, known, self._clock, self._send)

    def _begin(self, now: datetime) -> None:
        self._kept = InMemory(new_state(now).model_copy(update={"longest_wait": LONGEST_WAIT}))

    def _knowing(self) -> dict[str, ChannelState]:
        return {name: own for name, own in self._kept.state.channels.items() if own.sent_total}

    def _note(
        self, store: ReachFact, known: Sequence[Route], worded: Callable[[News], Message]
    ) -> None:
        now = self._clock()
        if store.since is not None and self._open is None:
            finding = store_away(store)
            if (now - store.since).total_seconds() >= finding.settle_s:
                self._open = Incident(finding=finding, first_seen=store.since, told=True)
                message = worded(News(change=Change.OPENED, incident=self._open, at=now))
                self._begin(now)
                put(self._kept.state, message, [r.name for r in known if r.wants(message)])
        if not store.up or self._open is None:
            self._back = None
            return
        self._back = self._back or now
        if (now - self._back).total_seconds() >= BACK_SETTLE_S:
            news = News(change=Change.CLOSED, incident=self._open, at=self._back)
            knowing = self._kept.state.channels = self._knowing()
            put(self._kept.state, worded(news), knowing)
            self._open = self._back = None
