"""The channels' queues: what is added, claimed for sending, and removed. Changes a `State`.

A message is queued for each channel that wants it, until that channel takes it. Only the process
that claimed a channel's batch sends it, until the claim expires, and then records that it was
taken. If it dies in between, the claim expires and the batch is sent again with the same id: that
is the only way in which something can be sent twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from observability.incidents.model import Severity
from observability.messages.state import Batch, ChannelState, Message, State
from stack.digests import digest

CLAIM = timedelta(minutes=5)
# Messages to a channel within the window; any more wait, and are sent as one. With an error among
# them they wait for a minute only.
AT_MOST = 10
WINDOW = timedelta(minutes=15)
URGENT_AFTER = timedelta(minutes=1)
ALONE_AT_MOST = 3
LISTED_AT_MOST = 50
FAILED_AT = 3
FIRST_WAIT = timedelta(seconds=30)
# A channel that recovers doesn't get messages this old if another one sent them.
OLD = timedelta(days=7)


def put(state: State, message: Message, channels: Iterable[str]) -> None:
    """Queue a message for these channels, once."""
    wanted = list(channels)
    if not wanted or message.id in state.messages:
        return
    state.messages[message.id] = message.model_copy(update={"queued_for": wanted})
    for name in wanted:
        state.channels.setdefault(name, ChannelState()).queue.append(message.id)


def cover(state: State, configured: Sequence[str]) -> None:
    """Hand messages that none of their channels can send to another; forget removed channels."""
    for name in [n for n in state.channels if n not in configured]:
        gone = state.channels.pop(name)
        for id_ in gone.queue:
            message = state.messages[id_]
            message.queued_for.remove(name)
            if not message.queued_for and configured:
                _also(state, message, configured[0])
    for name in configured:
        state.channels.setdefault(name, ChannelState())
    working = [n for n in configured if not is_failing(state.channels[n])]
    for message in state.messages.values():
        if working and not set(message.queued_for) & set(working):
            _also(state, message, working[0])
    _forget(state)


def claim(state: State, channel: str, by: str, now: datetime) -> Batch | None:
    """The channel's batch for `by` to send now; None if there is nothing, or another has it."""
    own = state.channels.get(channel)
    if own is None or not own.queue or (own.retry_at is not None and own.retry_at > now):
        return None
    if own.batch is not None and own.batch.until > now:
        return None
    if own.batch is None:
        own.sent = [at for at in own.sent if at > now - WINDOW]
        allowed = AT_MOST - len(own.sent)
        if allowed <= 0 and not _is_urgent(state, own, now):
            return None
        alone = len(own.queue) <= min(allowed, ALONE_AT_MOST)
        ids = own.queue[: 1 if alone else LISTED_AT_MOST]
        id_ = ids[0] if len(ids) == 1 else f"batch-{digest(ids)[:24]}"
        own.batch = Batch(id=id_, messages=ids, by=by, until=now + CLAIM)
    else:
        own.batch = own.batch.model_copy(update={"by": by, "until": now + CLAIM})
    return own.batch


def taken(state: State, channel: str, batch: Batch, now: datetime) -> None:
    """Record that the channel took a batch."""
    own = _owned(state, channel, batch)
    if own is None:
        return
    own.queue = [id_ for id_ in own.queue if id_ not in batch.messages]
    own.sent = [*own.sent, now][-AT_MOST:]
    own.sent_total += 1
    own.batch, own.retry_at, own.failing_since = None, None, None
    own.failures, own.error = 0, ""
    _forget(state)


def refused(state: State, channel: str, batch: Batch, error: str, now: datetime) -> None:
    """Record that the channel didn't take a batch; it is sent again later."""
    own = _owned(state, channel, batch)
    if own is None:
        return
    own.failures += 1
    own.failed_total += 1
    own.error = error
    own.failing_since = own.failing_since or now
    own.retry_at = now + wait_after(own.failures, state.longest_wait)
    own.batch = batch.model_copy(update={"until": now})
    if is_failing(own):
        dropped = {
            id_
            for id_ in own.queue
            if id_ not in batch.messages
            and (message := state.messages[id_]).at < now - OLD
            and any(_took(state, other, id_) for other in message.queued_for if other != channel)
        }
        own.queue = [id_ for id_ in own.queue if id_ not in dropped]
        _forget(state)


def wait_after(failures: int, longest: timedelta) -> timedelta:
    """The wait after so many failures in a row: it doubles each time, up to `longest`."""
    doubled: int = 2 ** min(failures - 1, 20)
    return min(FIRST_WAIT * doubled, longest)


def is_failing(channel: ChannelState) -> bool:
    """Whether it failed so often that another channel takes over."""
    return channel.failures >= FAILED_AT


def _is_urgent(state: State, channel: ChannelState, now: datetime) -> bool:
    """Whether an error waits, and nothing was sent in the last minute."""
    return channel.sent[-1] <= now - URGENT_AFTER and any(
        state.messages[id_].severity is Severity.ERROR for id_ in channel.queue
    )


def _owned(state: State, channel: str, batch: Batch) -> ChannelState | None:
    """The channel, if the batch still belongs to whoever claimed it."""
    own = state.channels.get(channel)
    if own is None or own.batch is None:
        return None
    return own if (own.batch.id, own.batch.by) == (batch.id, batch.by) else None


def _took(state: State, channel: str, id_: str) -> bool:
    own = state.channels.get(channel)
    return own is not None and id_ not in own.queue


def _also(state: State, message: Message, channel: str) -> None:
    if channel not in message.queued_for:
        message.queued_for.append(channel)
        state.channels.setdefault(channel, ChannelState()).queue.append(message.id)


def _forget(state: State) -> None:
    """Drop messages that are no longer in any queue."""
    waiting = {id_ for channel in state.channels.values() for id_ in channel.queue}
    state.messages = {id_: m for id_, m in state.messages.items() if id_ in waiting}
