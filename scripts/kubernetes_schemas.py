"""Write what kubeconform checks objects by: files that refuse unknown keys, one for each kind.

python -m scripts.kubernetes_schemas SWAGGER_JSON FOLDER [FOLDER_OF_CUSTOM_KINDS ...]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

DEFINITIONS = "_definitions.json"
# Strings in the description for which Kubernetes also accepts numbers.
EITHER = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    "io.k8s.apimachinery.pkg.api.resource.Quantity",
}


class _Loader(yaml.CSafeLoader):
    """Takes a bare `=`, as in lists of operators, for text."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


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


def strict_custom(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a custom kind, allowing only the keys that it names; others are dropped."""
    if schema.pop("x-kubernetes-int-or-string", False):
        return {"type": ["string", "integer"]}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = strict_custom(schema[key])
    if "properties" in schema:
        parts = schema["properties"]
        schema["properties"] = {name: strict_custom(part) for name, part in parts.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
    if schema.pop("nullable", False):
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def write(swagger: Path, folder: Path) -> None:
    """Write one file for each kind of Kubernetes' own."""
    folder.mkdir(parents=True, exist_ok=True)
    definitions = strict(json.loads(swagger.read_text())["definitions"])
    (folder / DEFINITIONS).write_text(json.dumps({"definitions": definitions}))
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            schema = {"$ref": f"{DEFINITIONS}#/definitions/{name}"}
            (folder / file_name(kind)).write_text(json.dumps(schema))


def write_custom(definitions: Path, folder: Path) -> None:
    """Write one file for each version of the custom kinds that a folder of YAML files defines."""
    for file in sorted(definitions.glob("*.yaml")):
        for document in yaml.load_all(file.read_text(), _Loader):
            if not document or document.get("kind") != "CustomResourceDefinition":
                continue
            spec = document["spec"]
            for version in spec["versions"]:
                schema = strict_custom(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= {"metadata": {"type": "object"}}
                kind = {"group": spec["group"], "version": version["name"]}
                name = file_name(kind | {"kind": spec["names"]["kind"]})
                (folder / name).write_text(json.dumps(schema))


if __name__ == "__main__":
    target = Path(sys.argv[2])
    write(Path(sys.argv[1]), target)
    for given in sys.argv[3:]:
        write_custom(Path(given), target)
