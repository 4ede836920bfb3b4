"""An environment on the cluster, whatever deployed it."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

from cluster.kube import make_namespace, output_of
from cluster.release import Release
from gitops.clone import PASSWORD, SECRETS
from scripts.promotion.images import RELEASE
from support.webserver import basic


class Environment(Release):
    """An environment as a release; its name is the environment's."""

    def __init__(self, environment: str, folder: Path) -> None:
        """Make its namespace, and the Secrets that a user makes."""
        name = f"{RELEASE}-{environment}"
        super().__init__(name, make_namespace(name), folder)
        for secret, values in SECRETS.items():
            metadata = {"name": secret}
            manifest = {
                "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values,
            }  # fmt: skip
            self.namespace.kubectl("apply", "-f", "-", text=json.dumps(manifest))

    @property
    def fullname(self) -> str:
        """The release's own name, because it contains the chart's."""
        return self.name

    @cached_property
    def login(self) -> dict[str, str]:
        """The header of the user admin."""
        return basic("admin", PASSWORD)

    def digests(self, part: str) -> set[str]:
        """The digests of a location's pods that are ready."""
        return {
            pod["spec"]["containers"][0]["image"].rpartition("@")[2]
            for pod in self.namespace.get("pods", self.location_selector(part))
            for one in pod["status"].get("containerStatuses", [])
            if one["ready"] and "deletionTimestamp" not in pod["metadata"]
        }

    def scale(self, part: str, replicas: int) -> None:
        """Change a Deployment by hand, as nobody should."""
        self.namespace.kubectl("scale", f"deployment/{self.name}-{part}", f"--replicas={replicas}")

    def replicas(self, part: str) -> int:
        """The replicas that a Deployment asks for."""
        told = self.namespace.kubectl("get", f"deployment/{self.name}-{part}", "-o", "json")
        return int(json.loads(told)["spec"]["replicas"])

    def delete(self) -> None:
        """Delete its namespace."""
        self.way.close()
        output_of("kubectl", "delete", "namespace", self.namespace.name, "--wait=false")
