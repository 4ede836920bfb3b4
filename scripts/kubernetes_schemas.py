"""Split Kubernetes' API description into files for kubeconform that refuse unknown keys.

python -m scripts.kubernetes_schemas SWAGGER_JSON FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DEFINITIONS = "_definitions.json"
# Strings in the description for which Kubernetes also accepts numbers.
EITHER = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    "io.k8s.apimachinery.pkg.api.resource.Quantity",
}


def file_name(kind: dict[str, str]) -> str:
    """The name by kubeconform's `{{.ResourceKind}}{{.KindSuffix}}.json`."""
    group = kind["group"].partition(".")[0]
    return "-".join(filter(None, (kind["kind"], group, kind["version"]))).lower() + ".json"


def strict(definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions, allowing only the keys that they name."""
    for name, definition in definitions.items():
        if name in EITHER:
            definition["type"] = ["string", "number"]
            definition.pop("format", None)
        elif "properties" in definition and not name.endswith("JSONSchemaProps"):
            definition["additionalProperties"] = False
    return definitions


def write(swagger: Path, folder: Path) -> None:
    """Write one file for each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    definitions = strict(json.loads(swagger.read_text())["definitions"])
    (folder / DEFINITIONS).write_text(json.dumps({"definitions": definitions}))
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            schema = {"$ref": f"{DEFINITIONS}#/definitions/{name}"}
            (folder / file_name(kind)).write_text(json.dumps(schema))


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
