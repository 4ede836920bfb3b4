"""Which models and tests still hold from an earlier run, and so needn't run again.

A model holds if all its parents do, and its definition, their content and its own output match the
claim that its last run left: docs/decisions/0044-cost-follows-change.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stack.held import Claim, Run
from stack.sql_reads import Reads, clock_of, tables_named
from transformation.state import EPHEMERAL, VIEW, VIRTUAL, State

MODELS = "held/dbt_models.json"
TESTS = "held/dbt_tests.json"
Outcome = Mapping[str, Any]  # an entry of dbt's run_results.json


def held_models(state: State, claims: Mapping[str, Claim]) -> dict[str, Claim]:
    """Claims of the models that hold."""
    held: dict[str, Claim] = {}
    if state.definitions.has_hooks:
        return held
    settled = {uid for uid, table in state.graph.tables.items() if table.is_source}
    for model in state.graph.models:
        uid = model.unique_id
        if not settled.issuperset(model.parents):
            continue
        if model.materialized == EPHEMERAL:
            settled.add(uid)
            continue
        claim, relation = claims.get(uid), state.relation(uid)
        if claim is None or relation is None or relation.version is None:
            continue
        is_same = relation.is_view == (model.materialized == VIEW)
        if is_same and claim.holds(state.fingerprint(uid), relation.version):
            held[uid] = claim
            settled.add(uid)
    return held


def held_tests(state: State, claims: Mapping[str, Claim]) -> dict[str, Claim]:
    """Claims of the tests that passed and would pass again."""
    if state.definitions.has_hooks:
        return {}
    return {
        uid: claim
        for uid, claim in claims.items()
        if uid in state.definitions.nodes and claim.holds(state.test_fingerprint(uid))
    }


@dataclass(frozen=True)
class Witness:
    """Makes claims from what a run found; `models` are the claims about views."""

    run: Run
    models: dict[str, Claim]

    def after_models(
        self, before: State, after: State, outcomes: Iterable[Outcome]
    ) -> dict[str, Claim]:
        """The claims about models, including those of this run.

        A source that changed during the run may have been read before or after: it gets no claim.
        """
        by_uid = {str(outcome["unique_id"]): outcome for outcome in outcomes}
        made = {(t.schema_name, t.table) for uid, t in after.graph.tables.items() if uid in by_uid}
        mixed = {n: r for n, r in after.relations.items() if n in made}
        state = replace(before, relations={**before.relations, **mixed}, _contents={})
        for uid in after.graph.tables:  # each after its parents
            if uid in by_uid:
                self.models.pop(uid, None)
                relation = after.relation(uid)
                fingerprint = state.fingerprint(uid) if relation else None
                if fingerprint != after.fingerprint(uid):
                    continue
                if relation and relation.version and by_uid[uid]["status"] == "success":
                    self._note(self.models, state, by_uid[uid], fingerprint, relation.version)
        return {uid: claim for uid, claim in self.models.items() if uid in after.graph.tables}

    def after_tests(
        self,
        before: State,
        state: State,
        claims: Mapping[str, Claim],
        outcomes: Iterable[Outcome],
    ) -> dict[str, Claim]:
        """The claims about tests, including those of this run; a failure leaves none.

        `before` and `state` are the states before and after the run.
        """
        found = {uid: claim for uid, claim in claims.items() if uid in state.definitions.nodes}
        for outcome in outcomes:
            uid = str(outcome["unique_id"])
            found.pop(uid, None)
            if uid in state.definitions.nodes and outcome["status"] == "pass":
                fingerprint = state.test_fingerprint(uid)
                if fingerprint == before.test_fingerprint(uid):
                    self._note(found, state, outcome, fingerprint, None)
        return found

    def _note(
        self,
        claims: dict[str, Claim],
        state: State,
        outcome: Outcome,
        fingerprint: str | None,
        output: str | None,
    ) -> None:
        uid = str(outcome["unique_id"])
        reads = self._reads(uid, outcome.get("compiled_code"), state)
        if claim := self.run.claim(fingerprint, reads, dict(outcome), output):
            claims[uid] = claim

    def _reads(self, uid: str, compiled: str | None, state: State) -> Reads:
        """What a node's SQL reads besides tables, itself or through views that it selects from."""
        if not compiled or not self._reads_parents_only(uid, compiled, state):
            return Reads.UNTOLD
        found = clock_of(compiled)
        for view in _views_above(uid, state):
            claim = self.models.get(view)
            if claim is None:
                return Reads.UNTOLD
            found = max(found, Reads.DATE if claim.day else Reads.NOTHING)
        return found

    def _reads_parents_only(self, uid: str, compiled: str, state: State) -> bool:
        """Whether SQL names only tables that dbt knows, so that each has a version here."""
        relations = " union all ".join(f"select 1 from {r}" for r in _relations_read(uid, state))
        known, named = tables_named(relations), tables_named(compiled)
        return known is not None and named is not None and named <= known


def _views_above(uid: str, state: State) -> set[str]:
    """Views that it selects from, directly or through other views, but not through tables."""
    found: set[str] = set()
    waiting = list(state.definitions.parents(uid))
    while waiting:
        parent = waiting.pop()
        table = state.graph.tables.get(parent)
        if table is None or table.materialized not in VIRTUAL or parent in found:
            continue
        if table.materialized == VIEW:
            found.add(parent)
        waiting += table.parents
    return found


def _relations_read(uid: str, state: State) -> Iterator[str]:
    """Relations that a node may name: its own, its parents', and those in an ephemeral's SQL."""
    nodes = state.definitions.nodes
    waiting, seen = [uid], {uid}
    while waiting:
        current = waiting.pop()
        if relation := nodes.get(current, {}).get("relation_name"):
            yield relation
            if current != uid:
                continue
        elif current != uid and nodes.get(current, {}).get("resource_type") != "model":
            continue
        for parent in state.definitions.parents(current):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
