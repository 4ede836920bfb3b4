"""A run's options as dbt's."""

from __future__ import annotations

from collections.abc import Iterable

from stack.options import RunOptions
from stack.target_models import check_target_models
from transformation.manifest import Table
from transformation.models import select
from transformation.project import load_manifest, load_project


def selection(options: RunOptions) -> list[str]:
    """dbt's `--select` of the option target_models; empty for all.

    Raises UnknownModelError if the project as it is now doesn't have what is named.
    """
    if not options.target_models.strip():
        return []
    check_target_models(options.target_models, load_manifest(load_project()))
    return ["--select", *options.target_models.split()]


def model_options(options: RunOptions, models: Iterable[Table] | None) -> list[str]:
    """dbt's options for `run`: of `models`, or, if none are given, of what the options select."""
    chosen = selection(options) if models is None else select(m.unique_id for m in models)
    return [*chosen, *(["--full-refresh"] if options.force_full_refresh else [])]
