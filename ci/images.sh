#!/usr/bin/env bash
# Build and push the five images, attach SBOM and provenance, and name them by digest in a values file.
#   IMAGE_REGISTRY=registry.example.org/acme ci/images.sh [images.yaml]
# Variables are those of scripts/build-image.sh. REGISTRY_PLAIN_HTTP=1 is for a registry without TLS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
file=${1:-images.yaml}
tools=$(scripts/tools.sh oras syft)
export PATH=$PATH:$tools
if [[ -n ${GITHUB_RUN_ID:-} ]]; then
    export BUILDER_ID=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID
fi
make setup >&2
# By digest, so that the provenance says what the images build on.
BASE=${BASE:-$(REGISTRY_PLAIN_HTTP='' .venv/bin/python -m scripts.supply pin --base)}
export BASE
make images >"$file"
make attest IMAGES="$file"
