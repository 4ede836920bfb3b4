#!/usr/bin/env bash
# Print the folder with a schema for each kind of Kubernetes' own, at the version that it is given, and
# for those of custom_kinds.txt. Makes it once, with go, which downloads the modules that define them.
#   scripts/schemas.sh v1.34.4
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

module() { # MODULE@VERSION: its folder
    (cd /tmp && go mod download -json "$1") |
        python3 -c 'import json, sys; found = json.load(sys.stdin); sys.exit(found["Error"]) if "Error" in found else print(found["Dir"])'
}

stamp=$(cat scripts/custom_kinds.txt scripts/kubernetes_schemas.py | cksum | cut -d ' ' -f 1)
schemas=.tools/schemas-$1-$stamp
if [[ ! -d $schemas ]]; then
    swagger=$(module "k8s.io/kubernetes@$1")/api/openapi-spec/swagger.json
    custom=()
    while read -r source folder; do
        custom+=("$(module "$source")/$folder")
    done < <(grep -v '^#' scripts/custom_kinds.txt)
    rm -rf .tools/schemas-*
    .venv/bin/python -m scripts.kubernetes_schemas "$swagger" "$schemas.new" "${custom[@]}"
    mv "$schemas.new" "$schemas"
fi
echo "$schemas"
