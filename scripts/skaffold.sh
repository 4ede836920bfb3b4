#!/usr/bin/env bash
# Hold skaffold.yaml to skaffold's own schema, which is in its Go module. Needs go; without it this is
# left out, unless CHART_SCORES=required.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=v2.16.1
if ! command -v go >/dev/null; then
    echo "skaffold: left out, for want of go" >&2
    [[ ${CHART_SCORES:-} != required ]]
    exit
fi
name=$(sed -n 's|^apiVersion: skaffold/||p' skaffold.yaml)
schema=.tools/skaffold-$version-$name.json
if [[ ! -s $schema ]]; then
    source=$(cd /tmp && go mod download -json "github.com/GoogleContainerTools/skaffold/v2@$version" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
    cp "$source/docs-v2/content/en/schemas/$name.json" "$schema.part"
    chmod u+w "$schema.part"
    mv "$schema.part" "$schema"
fi
.venv/bin/python - "$schema" <<'END'
import json, sys
from pathlib import Path
import jsonschema, yaml

schema = json.loads(Path(sys.argv[1]).read_text())
config = yaml.safe_load(Path("skaffold.yaml").read_text())
error = jsonschema.exceptions.best_match(jsonschema.Draft7Validator(schema).iter_errors(config))
sys.exit(error and f"skaffold.yaml: {error.json_path}: {error.message}")
END
