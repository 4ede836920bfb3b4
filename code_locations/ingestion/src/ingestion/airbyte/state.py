"""STATE messages: what is returned to the connector, and which of it may be committed.

There are three kinds: one per stream (STREAM), one for all of them (GLOBAL), and the old form
without a type (LEGACY), which also covers all.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from ingestion.airbyte.messages import State


class StateLog:
    """The latest STATE of each kind and stream during a read.

    `saved` is what the last committed sync left, as returned by `merged`. Only `incremental`
    streams keep their state; one that is read in full each time has none to return to. `anew` reads
    everything from its beginning, but streams that aren't read to their end keep their state.
    `lost` streams have no table any more, so what their state covers must be read again. `absent`
    streams aren't read this time, and keep what they have.
    """

    def __init__(
        self,
        saved: Mapping[str, Any],
        connector: str,
        incremental: Collection[str],
        *,
        lost: Collection[str] = (),
        anew: bool = False,
    ) -> None:
        self._anew = anew
        self.absent: set[str] = set()
        known = bool(saved) and saved.get("connector") == connector
        self.foreign = str(saved["connector"]) if saved and not known else None
        self._connector = connector
        self._incremental = set(incremental)
        self._saved = dict(saved) if known else {}
        self.forgotten = sorted(set(lost) & _streams_of(self._saved))
        self._saved = without_streams(self._saved, self.forgotten)
        self._kind: str | None = None
        self._streams: dict[str, dict[str, Any]] = {}
        self._whole: dict[str, Any] | None = None

    def to_send(self) -> Any | None:
        """Content of the file for `read --state`; None for a first read."""
        if self._anew:
            return None
        if self._saved.get("kind") == "LEGACY":
            return self._saved["states"][0].get("data", {})
        return self._without_full_refresh(self._saved.get("states", [])) or None

    def take(self, message: State) -> frozenset[str] | None:
        """Record a message; return the streams whose records it covers, None for all."""
        self._kind = message.kind
        if message.kind != "STREAM":
            self._whole = message.body
            return None
        name = str(message.body["stream"]["stream_descriptor"]["name"])
        self._streams[name] = message.body
        return frozenset({name})

    @property
    def covers_all(self) -> bool:
        """Whether the connector's states cover all streams together."""
        kind = self._kind or self._saved.get("kind")
        return kind in ("GLOBAL", "LEGACY")

    def merged(self, committed: Collection[str]) -> dict[str, Any]:
        """The state to commit with the rows of the `committed` streams, and of no others."""
        if self._kind is None:
            return self._saved
        if self._kind != "STREAM":
            if not self._incremental - self.absent <= set(committed):
                return self._saved
            states = [self._whole or {}]
        else:
            before = self._saved if self._saved.get("kind") == "STREAM" else {}
            by_stream = {_stream_of(body): body for body in before.get("states", [])}
            by_stream |= {n: body for n, body in self._streams.items() if n in committed}
            states = list(by_stream.values())
        if not states:
            return self._saved
        return {
            "connector": self._connector,
            "kind": self._kind,
            "states": self._without_full_refresh(states),
        }

    @staticmethod
    def text_of(stream: str, merged: Mapping[str, Any]) -> str:
        """A stream's part of a merged state, as one line of JSON."""
        bodies = [
            b for b in merged.get("states", []) if "stream" not in b or _stream_of(b) == stream
        ]
        return json.dumps([b.get("stream", b) for b in bodies], sort_keys=True)

    def _without_full_refresh(self, states: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = []
        for body in states:
            if "stream" in body and _stream_of(body) not in self._incremental:
                continue
            if isinstance(body.get("global"), dict):
                whole = body["global"]
                streams = [
                    s
                    for s in whole.get("stream_states") or []
                    if s["stream_descriptor"]["name"] in self._incremental
                ]
                kept.append({**body, "global": {**whole, "stream_states": streams}})
                continue
            kept.append(body)
        return kept


def without_streams(saved: Mapping[str, Any], streams: Collection[str]) -> dict[str, Any]:
    """A saved state without `streams`; one that covers all streams is dropped entirely."""
    if not set(streams) & _streams_of(saved):
        return dict(saved)
    kept = []
    if saved["kind"] == "STREAM":
        kept = [body for body in saved["states"] if _stream_of(body) not in streams]
    rest = {"fields": saved["fields"]} if "fields" in saved else {}
    return {**saved, "states": kept} if kept else rest


def _streams_of(saved: Mapping[str, Any]) -> set[str]:
    """Names of the streams in a saved state."""
    names: set[str] = set()
    for body in saved.get("states", []):
        if "stream" in body:
            names.add(_stream_of(body))
        else:
            parts = (body.get("global") or {}).get("stream_states") or []
            names |= {str(part["stream_descriptor"]["name"]) for part in parts}
            names |= set(body.get("data") or {})  # by stream, as CDKs of that time wrote it
    return names


def _stream_of(body: Mapping[str, Any]) -> str:
    return str(body["stream"]["stream_descriptor"]["name"])
