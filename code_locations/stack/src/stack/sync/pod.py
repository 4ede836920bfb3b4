"""How a process and the pods of its runs use a state: variables, and Kubernetes settings."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pods.code import CODE_LABEL
from stack.sync.files import SOURCES

# Where images keep a location's folders other than its package.
INSTALLED = Path("/app")


def variables(
    state: Path, location: str, environment: Mapping[str, str], installed: Path = INSTALLED
) -> dict[str, str]:
    """Variables for a process that uses a state, pointing there instead of to the image's files."""
    image = installed / location
    moved = {
        name: str(state / Path(value).relative_to(image))
        for name, value in environment.items()
        if Path(value).is_relative_to(image) and (state / Path(value).relative_to(image)).is_dir()
    }
    paths = [str(state / SOURCES), environment.get("PYTHONPATH", "")]
    return moved | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def context_of(
    context: Mapping[str, Any],
    image: str,
    location: str,
    state: Path,
    moved: Mapping[str, str],
) -> dict[str, Any]:
    """Dagster's container context of a location, so that its runs fetch and use the state."""
    found: dict[str, Any] = json.loads(json.dumps(context))
    kubernetes = found.setdefault("k8s", {})
    run = kubernetes.setdefault("run_k8s_config", {})
    container = run.setdefault("container_config", {})
    shared = ("env", "envFrom", "securityContext", "volumeMounts")
    fetch = {
        "name": "code",
        "image": image,
        "command": ["python", "-m", "stack.sync.fetch", location, state.name],
        **{name: container[name] for name in shared if name in container},
    }
    if policy := kubernetes.get("image_pull_policy"):
        fetch["imagePullPolicy"] = policy
    if resources := kubernetes.get("resources"):
        fetch["resources"] = resources
    run.setdefault("pod_spec_config", {}).setdefault("initContainers", []).append(fetch)
    container["env"] = [
        *container.get("env", []),
        *({"name": name, "value": value} for name, value in moved.items()),
    ]
    metadata = run.setdefault("pod_template_spec_metadata", {})
    metadata.setdefault("labels", {})[CODE_LABEL] = state.name
    return found
