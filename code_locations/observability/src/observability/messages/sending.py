"""Hands queued messages to the channels, one batch at a time, and records the results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from observability.messages.channels import ChannelError, Parcel, send
from observability.messages.outbox import claim, refused, taken
from observability.messages.routing import Route
from observability.messages.state import Batch, State
from observability.messages.store import Store
from observability.messages.text import parcel_of

Send = Callable[[Route, Parcel], None]
Clock = Callable[[], datetime]
# A process that was paused until this close to the end of its claim no longer sends.
GRACE = timedelta(minutes=1)
_log = logging.getLogger("observability.messages")


def deliver(store: Store, routes: Sequence[Route], clock: Clock, send: Send = send) -> None:
    """Send what each channel may get now. A failing channel doesn't affect the others."""
    me = uuid4().hex
    for route in routes:
        while _one(store, route, me, clock, send):
            pass


def _one(store: Store, route: Route, me: str, clock: Clock, send: Send) -> bool:
    """Send one batch; return whether there may be another."""

    def claimed(state: State) -> tuple[Batch, Parcel] | None:
        batch = claim(state, route.name, me, clock())
        return None if batch is None else (batch, parcel_of(batch, state.messages))

    found = store.update(claimed, clock())
    if found is None:
        return False
    batch, parcel = found
    if clock() > batch.until - GRACE:
        return False
    try:
        send(route, parcel)
    except ChannelError as error:
        why = error.found
        _log.warning("%s; it is tried again", error)
        store.update(lambda s: refused(s, route.name, batch, why, clock()), clock())
        return False
    store.update(lambda s: taken(s, route.name, batch, clock()), clock())
    return True
