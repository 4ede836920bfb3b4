"""What each role may change: a mutation that is on no list is denied to everybody."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Any

_MOST_TOKENS = 20_000
_LONGEST = 250_000
_LONGEST_REMEMBERED = 50_000

# The UI sends these by itself.
HARMLESS = frozenset({"logTelemetry", "setNuxSeen"})
_OPERATING = frozenset(
    {
        "cancelPartitionBackfill", "launchMultipleRuns", "launchPartitionBackfill",
        "launchPipelineExecution", "launchPipelineReexecution", "launchRun",
        "launchRunReexecution", "reexecutePartitionBackfill", "reloadRepositoryLocation",
        "reloadWorkspace", "resetSchedule", "resetSensor", "resumePartitionBackfill",
        "scheduleDryRun", "sensorDryRun", "startSchedule", "startSensor", "stopRunningSchedule",
        "stopSensor", "terminatePipelineExecution", "terminateRun", "terminateRuns",
    }
)  # fmt: skip
# These rewrite history or change limits.
_ADMINISTERING = frozenset(
    {
        "addDynamicPartition", "deleteConcurrencyLimit", "deleteDynamicPartitions",
        "deletePipelineRun", "deleteRun", "freeConcurrencySlots", "freeConcurrencySlotsForRun",
        "reportAssetCheckEvaluations", "reportRunlessAssetEvents", "setAutoMaterializePaused",
        "setConcurrencyLimit", "setSensorCursor", "shutdownRepositoryLocation", "wipeAssets",
    }
)  # fmt: skip
# For Dagster's paid product; nothing here needs them.
DENIED = frozenset({"deleteAppManagedComponent", "refreshComponentState", "setAppManagedComponent"})


class Role(IntEnum):
    """A viewer sees everything; an operator also runs things; an admin also rewrites history."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def may(self) -> frozenset[str]:
        """The mutations that the role may send."""
        return frozenset().union(*(names for role, names in _BY_ROLE.items() if role <= self))


_BY_ROLE = {Role.VIEWER: HARMLESS, Role.OPERATOR: _OPERATING, Role.ADMIN: _ADMINISTERING}
KNOWN = frozenset().union(*_BY_ROLE.values(), DENIED)


def mutations(query: str) -> tuple[str, ...]:
    """The mutations in a GraphQL document, whichever of its operations is run.

    Raises graphql's GraphQLError if it isn't one, and ValueError if it is too long to parse.
    """
    if len(query) > _LONGEST:
        raise ValueError(f"it has more than {_LONGEST:,} characters")
    return _remembered(query) if len(query) < _LONGEST_REMEMBERED else _read(query)


@lru_cache(maxsize=512)  # the UI asks the same again and again
def _remembered(query: str) -> tuple[str, ...]:
    return _read(query)


def _read(query: str) -> tuple[str, ...]:
    from graphql import parse
    from graphql.language import FragmentDefinitionNode, OperationDefinitionNode, OperationType

    document = parse(query, no_location=True, max_tokens=_MOST_TOKENS)
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    found: list[str] = []
    seen: set[str] = set()
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION:
            found += _fields(node.selection_set, fragments, seen)
    return tuple(dict.fromkeys(found))


def _fields(selections: Any, fragments: dict[str, Any], seen: set[str]) -> list[str]:
    """Top-level fields of a mutation, by name, following fragments that weren't `seen`."""
    from graphql.language import FieldNode, FragmentSpreadNode, InlineFragmentNode

    found: list[str] = []
    for node in selections.selections:
        if isinstance(node, FieldNode):
            found.append(node.name.value)
        elif isinstance(node, InlineFragmentNode):
            found += _fields(node.selection_set, fragments, seen)
        elif isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name in fragments and name not in seen:
                seen.add(name)
                found += _fields(fragments[name].selection_set, fragments, seen)
    return found
