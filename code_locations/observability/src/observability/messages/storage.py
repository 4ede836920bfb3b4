"""Reports an outage of the run storage, where the state of messages is otherwise kept.

Meanwhile this process keeps it. If the process ends during the outage, the next one reports anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from observability.facts.model import ReachFact
from observability.facts.reach import RUN_STORAGE
from observability.incidents.found.of_stores import BACK_SETTLE_S, store_away
from observability.incidents.model import Change, Incident, News
from observability.messages.channels import ChannelError, send
from observability.messages.outbox import wait_after
from observability.messages.routing import Route, routes
from observability.messages.sending import Clock, Send
from observability.messages.state import Message
from observability.messages.telling import utc_now, words_of
from observability.messages.text import message_of, parcel_of_one
from observability.settings import NotifySettings
from stack.settings import load_settings

LONGEST_WAIT = timedelta(minutes=10)
_log = logging.getLogger("observability.messages")


@dataclass
class _Channel:
    """What a channel still has to get, whether it knows of the outage, and its health."""

    queue: list[Message] = field(default_factory=list)
    knows: bool = False
    failures: int = 0
    retry_at: datetime | None = None


class StorageTeller:
    """Tells each channel once that the run storage is away, and once that it is back for good."""

    def __init__(self, clock: Clock = utc_now, send: Send = send) -> None:
        self._clock, self._send = clock, send
        self._open: Incident | None = None
        self._back: datetime | None = None
        self._channels: dict[str, _Channel] = {}

    def tell(self, reach: Iterable[ReachFact]) -> None:
        """Report what a look found. Raises SettingsError."""
        settings = load_settings(NotifySettings)
        known = routes(settings)
        for store in reach:
            if store.name == RUN_STORAGE:
                self._note(store, known, lambda news: message_of(news, words_of(settings)))
        for route in known:
            self._deliver(route)

    def _note(
        self, store: ReachFact, known: Sequence[Route], worded: Callable[[News], Message]
    ) -> None:
        now = self._clock()
        if store.since is not None and self._open is None:
            finding = store_away(store)
            if (now - store.since).total_seconds() >= finding.settle_s:
                self._open = Incident(finding=finding, first_seen=store.since, told=True)
                message = worded(News(change=Change.OPENED, incident=self._open, at=now))
                self._channels = {
                    route.name: _Channel([message]) for route in known if route.wants(message)
                }
        if not store.up or self._open is None:
            self._back = None
            return
        self._back = self._back or now
        if (now - self._back).total_seconds() >= BACK_SETTLE_S:
            news = News(change=Change.CLOSED, incident=self._open, at=self._back)
            for channel in self._channels.values():
                channel.queue = [worded(news)] if channel.knows else []
            self._open = self._back = None

    def _deliver(self, route: Route) -> None:
        channel, now = self._channels.get(route.name), self._clock()
        if channel is None or not channel.queue or (channel.retry_at and channel.retry_at > now):
            return
        if self._back is not None and not channel.knows:  # it may learn of the next outage
            return
        message = channel.queue[0]
        try:
            self._send(route, parcel_of_one(message, message.id))
        except ChannelError as error:
            _log.warning("%s; it is tried again", error)
            channel.failures += 1
            channel.retry_at = now + wait_after(channel.failures, LONGEST_WAIT)
            return
        channel.queue.pop(0)
        channel.knows, channel.failures, channel.retry_at = True, 0, None
