"""Metrics about messages and incidents, from their kept state."""

from __future__ import annotations

import logging
from collections import Counter

import dagster as dg

from observability.messages.store import Store
from observability.metrics import declared as d
from observability.metrics.samples import Samples
from stack.errors import reason
from stack.patience import impatient

_log = logging.getLogger("stack.observe")


def told(samples: Samples, instance: dg.DagsterInstance) -> None:
    """The channels' health and open incidents; nothing if nobody is to be told."""
    try:
        with impatient():
            state = Store(instance).read()
    except Exception as error:  # the storage is away, but the other metrics aren't
        _log.warning(f"messages can't be looked at: {reason(error)}")
        return
    if state is None:
        return
    findings = [incident.finding for incident in state.incidents.values() if incident.told]
    for (kind, severity), count in Counter((f.kind, f.severity) for f in findings).items():
        samples.set(d.INCIDENTS, count, str(kind), str(severity))
    for name, channel in state.channels.items():
        samples.set(d.MESSAGES_SENT, channel.sent_total, name)
        samples.set(d.MESSAGES_FAILED, channel.failed_total, name)
        samples.set(d.MESSAGES_WAITING, len(channel.queue), name)
        samples.set(d.CHANNEL_FAILING_SINCE, channel.failing_since, name)
