"""What one stage of a remediation leaves for the next, and the alert that the run is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stack.alerts import Alert
from stack.artifacts import ArtifactStore
from stack.errors import StackError
from stack.remediation.inbox import Inbox
from stack.settings import StackSettings, load_settings
from stack.tags import PIPELINE_ID_TAG

if TYPE_CHECKING:
    import dagster as dg

REINGESTION = "remediation/reingestion.json"
REBUILD = "remediation/rebuild.json"
VERDICT = "remediation/verdict.json"


class RemediationError(StackError):
    """A remediation can't be done; the message says why and what to do."""


def pipeline_id(run: dg.DagsterRun) -> str:
    """Id of the first run of the pipeline that `run` belongs to: the artifacts are kept there."""
    return run.tags.get(PIPELINE_ID_TAG, run.run_id)


def leave(run: dg.DagsterRun, name: str, content: Mapping[str, Any]) -> None:
    """Keep what a stage did, for the stages after it."""
    ArtifactStore(load_settings(StackSettings).artifacts).put_json(pipeline_id(run), name, content)


def take(run: dg.DagsterRun, name: str) -> dict[str, Any]:
    """What a stage before left. Raises RemediationError if there is nothing."""
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    found: dict[str, Any] | None = store.get_json(name, pipeline_id(run))
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
