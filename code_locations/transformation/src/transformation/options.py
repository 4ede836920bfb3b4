"""A run's options, translated to dbt's."""

from __future__ import annotations

from collections.abc import Iterable

from stack.dbt_artifacts import Node
from stack.options import RunOptions
from stack.target_models import check_target_models
from transformation.models import select
from transformation.project import DbtProject, load_manifest


def selection(options: RunOptions, project: DbtProject) -> list[str]:
    """dbt's `--select` from the option target_models; empty for all.

    Raises UnknownModelError if the current project lacks something that is named.
    """
    if not options.target_models.strip():
        return []
    check_target_models(options.target_models, load_manifest(project))
    return ["--select", *options.target_models.split()]


def model_options(
    options: RunOptions, project: DbtProject, models: Iterable[Node] | None
) -> list[str]:
    """dbt's options for `run`: `models` if given, else what the options select."""
    chosen = selection(options, project) if models is None else select(m.unique_id for m in models)
    return [*chosen, *(["--full-refresh"] if options.force_full_refresh else [])]
