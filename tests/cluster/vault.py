"""An S3 store in its own namespace, where backups outlive the release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.kube import Namespace, make_namespace, output_of, small_pod, wait_for
from cluster.release import CHART
from support.servers import S3_CONFIG, S3_KEY, S3_SECRET

BUCKET, NAME = "backups", "vault"


@dataclass(frozen=True)
class Vault:
    """The store, and the chart's values for using it."""

    namespace: Namespace
    folder: Path

    def values(self, **more: Any) -> list[str]:
        """Helm's flags."""
        backup = {
            "url": f"s3://{BUCKET}/nightly",
            "endpointUrl": f"http://{NAME}.{self.namespace.name}.svc.cluster.local:8333",
            "accessKeyId": S3_KEY,
            "secretAccessKey": S3_SECRET,
            **more,
        }
        return ["--set-json", f"backup={json.dumps(backup)}"]

    @contextmanager
    def client(self) -> Iterator[Any]:
        """An S3 client that reaches it from here."""
        import boto3

        log = self.folder / "vault.log"
        with self.namespace.forwarded(f"service/{NAME}", 8333, log) as port:
            yield boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                aws_access_key_id=S3_KEY,
                aws_secret_access_key=S3_SECRET,
                region_name="us-east-1",
            )

    def names(self) -> list[str]:
        """The names of its objects."""
        with self.client() as client:
            found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
            return [entry["Key"].rsplit("/", 1)[-1] for entry in found]


@contextmanager
def vault(folder: Path) -> Iterator[Vault]:
    """A running store with an empty bucket."""
    import yaml

    image = yaml.safe_load((CHART / "values.yaml").read_text())["s3"]["image"]
    made = Vault(make_namespace(NAME), folder)
    labels = {"app": NAME}
    container = {
        "name": "s3",
        "image": f"{image['repository']}:{image['tag']}",
        "command": [
            "weed", "server", "-dir=/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
            "-s3.ip.bind=0.0.0.0", "-s3.port=8333", "-s3.config=/etc/s3/s3.json",
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64", "-volume.max=20",
        ],
        "ports": [{"containerPort": 8333}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8333}, "periodSeconds": 2},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "config", "mountPath": "/etc/s3"},
        ],
    }  # fmt: skip
    spec = small_pod(
        container,
        volumes=[
            {"name": "data", "emptyDir": {}},
            {"name": "config", "configMap": {"name": NAME}},
        ],
    )
    spec["securityContext"]["fsGroup"] = 10001
    spec["containers"][0]["resources"] = {"requests": {"cpu": "20m", "memory": "128Mi"}}
    items = [
        {"kind": "ConfigMap", "data": {"s3.json": S3_CONFIG % (S3_KEY, S3_SECRET)}},
        {"kind": "Pod", "spec": spec},
        {"kind": "Service", "spec": {"selector": labels, "ports": [{"port": 8333}]}},
    ]
    described = [
        {"apiVersion": "v1", "metadata": {"name": NAME, "labels": labels}, **item} for item in items
    ]
    manifest = {"apiVersion": "v1", "kind": "List", "items": described}
    try:
        made.namespace.kubectl("apply", "-f", "-", text=json.dumps(manifest))
        made.namespace.kubectl("wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=180s")
        with made.client() as client:
            wait_for(lambda: client.create_bucket(Bucket=BUCKET), "the bucket")
        yield made
    finally:
        output_of("kubectl", "delete", "namespace", NAME, "--wait=false")
