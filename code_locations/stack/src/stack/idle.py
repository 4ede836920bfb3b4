"""Asks whether a stage would find nothing to do, before a pod is started for it.

A location names a module; `python -m` of it prints an `Idle` as JSON, or nothing if there is work
to do. It runs in its own process, so that what it imports doesn't stay in the code server.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import BaseModel, ConfigDict, ValidationError

from stack.held import Claim, since
from stack.options import TAG_PREFIX

if TYPE_CHECKING:
    from stack.pipelines import Pipeline

# Well below the minute that Dagster gives a sensor.
TIMEOUT_S = 30
_ASKING_TAGS = (TAG_PREFIX, "dagster/partition", "dagster/asset_partition")
# Their daemon ends a run that has nothing to do; other launchers would execute it.
_LAUNCHERS_OF_PODS = ("dagster_k8s", "pods.launcher")
_log = logging.getLogger(__name__)


class Idle(BaseModel):
    """What still holds in a stage that has nothing to do.

    `assets` are the claims about its assets, by asset key as text (`marts/cash_in`); `count` says
    in words how many results hold, such as `30 models and 96 tests`.
    """

    model_config = ConfigDict(frozen=True)

    count: str
    assets: dict[str, Claim]

    @property
    def told(self) -> str:
        """One line for the run that stands in for the stage."""
        return f"{self.count} hold {since(self.assets.values())}"

    def observations(self) -> list[dg.AssetObservation]:
        """How long each asset has held, as Dagster shows it."""
        return [
            dg.AssetObservation(dg.AssetKey.from_user_string(key), metadata=claim.metadata)
            for key, claim in self.assets.items()
        ]


def launches_pods(instance: dg.DagsterInstance) -> bool:
    """Whether each run gets a pod, so that asking first pays off."""
    launcher = instance.get_ref().run_launcher_data if instance.is_persistent else None
    return launcher is not None and launcher.module_name in _LAUNCHERS_OF_PODS


def print_idle(look: Callable[[], Idle | None]) -> None:
    """The main program of a location's module."""
    found = look()
    if found is not None:
        sys.stdout.write(found.model_dump_json(exclude={"assets": {"__all__": {"result"}}}))


def ask(module: str) -> Idle | None:
    """Whether a location's stage has nothing to do; None also where that can't be determined."""
    command = [sys.executable, "-m", module]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True)
        return Idle.model_validate_json(done.stdout) if done.stdout else None
    except subprocess.TimeoutExpired:
        why = f"no answer within {TIMEOUT_S} s"
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else f"exit code {error.returncode}"
    except (OSError, ValidationError) as error:
        why = str(error).splitlines()[0]
    _log.warning("can't tell whether there is anything to do, so a run will look: %s", why)
    return None


def may_be_idle(pipeline: Pipeline, assets: Collection[str], run: dg.DagsterRun) -> bool:
    """Whether the stage after `run` covers all of `assets`, and nothing unusual was asked of it."""
    asked = any(tag.startswith(_ASKING_TAGS) for tag in run.tags)
    whole = pipeline.only is None or pipeline.only.issuperset(assets)
    return whole and not asked and "resources" not in run.run_config
