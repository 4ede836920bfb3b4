"""What each stage of a remediation leaves for the next, and the alert that the run is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import Field

from stack.alerts import Alert
from stack.artifacts import Artifact, ArtifactError, ArtifactStore
from stack.errors import StackError
from stack.remediation.inbox import Inbox
from stack.settings import StackSettings, load_settings
from stack.tags import PIPELINE_ID_TAG

if TYPE_CHECKING:
    import dagster as dg

REINGESTION = "remediation/reingestion.json"
REBUILD = "remediation/rebuild.json"
VERDICT = "remediation/verdict.json"


class Reingestion(Artifact):
    """What the first stage did: `rows` loaded per table, and failed inputs with reasons.

    `unknown` are names in the alert that aren't tables.
    """

    raw_tables: tuple[str, ...]
    models: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    isolated: tuple[dict[str, Any], ...] = ()
    rows: dict[str, int] = Field(default_factory=dict)
    quarantined: dict[str, str] = Field(default_factory=dict)
    failures: tuple[str, ...] = ()


class Rebuild(Artifact):
    """What the second stage rebuilt, each `schema.table`, and the tests that fail."""

    tables: tuple[str, ...]
    failing: tuple[str, ...] = ()


class Verdict(Artifact):
    """What the alert's archive records of its remediation."""

    outcome: Literal["healed", "not_healed"]
    remaining: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    isolated: tuple[dict[str, Any], ...] = ()
    rows_loaded: dict[str, int] = Field(default_factory=dict)
    unreadable_exports: dict[str, str] = Field(default_factory=dict)


Handover = TypeVar("Handover", Reingestion, Rebuild)


class RemediationError(StackError):
    """A remediation can't be done; the message says why and what to do."""


def pipeline_id(run: dg.DagsterRun) -> str:
    """Id of the first run of `run`'s pipeline, under which the artifacts are kept."""
    return run.tags.get(PIPELINE_ID_TAG, run.run_id)


def leave(run: dg.DagsterRun, name: str, content: Reingestion | Rebuild | Verdict) -> None:
    """Store what a stage did, for the stages after it."""
    ArtifactStore(load_settings(StackSettings).artifacts).put_model(pipeline_id(run), name, content)


def take(run: dg.DagsterRun, name: str, model: type[Handover]) -> Handover:
    """What an earlier stage left. Raises RemediationError if it is missing or unreadable."""
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    try:
        found = store.get_model(name, model, pipeline_id(run))
    except ArtifactError as error:
        raise RemediationError(str(error)) from None
    if found is None:
        raise RemediationError(
            f"no {name} of run {pipeline_id(run)}: the stage before has not run; start "
            "data_quality_remediation_pipeline from its first stage"
        )
    return found


def alert_of(run: dg.DagsterRun) -> Alert:
    """The alert that a run is about, from its tags. Raises RemediationError."""
    name, key = run.tags.get("alert/file", ""), run.tags.get("alert/key", "")
    if not name or "/" in name or "\\" in name:
        raise RemediationError(
            f"tag alert/file: found {name!r}, expected the name of a file in ALERTS_URL; drop an "
            "alert there and data_quality_alert_sensor starts the run"
        )
    inbox = Inbox(load_settings(StackSettings).alerts)
    try:
        return inbox.read(name).alert
    except FileNotFoundError:
        found = inbox.archived(name, key)
    except ValueError as error:
        raise RemediationError(f"{name}: {error}") from None
    if found is None:
        raise RemediationError(f"{name} is neither in ALERTS_URL nor in its archive; drop it again")
    return found
