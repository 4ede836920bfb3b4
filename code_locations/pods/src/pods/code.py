"""Which synced state of the code a run was launched from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# On the pods of runs; a run's tag has the same value.
CODE_LABEL = "freelancer-data-stack/code"
CODE_TAG = "code"


def code_of(context: Mapping[str, Any] | None) -> str | None:
    """Digest of the state, from a location's container context; None: the image's own code."""
    run = (context or {}).get("k8s", {}).get("run_k8s_config", {})
    labels = run.get("pod_template_spec_metadata", {}).get("labels", {})
    found = labels.get(CODE_LABEL)
    return None if found is None else str(found)
