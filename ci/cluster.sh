#!/usr/bin/env bash
# The cluster tests on kind: makes a cluster with registry and ingress, builds the images into it,
# tests, and deletes what it made; a cluster or registry that was there is used, and stays.
# Needs docker, kubectl, a Chromium, and the ports 80, 443 and 5000. About an hour on four cores.
# Tests of a login by OpenID Connect, and of rules in a Prometheus, are left out unless the variables
# that CONTRIBUTING.md names lead to one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$(scripts/tools.sh helm kind oras syft)
CHROMIUM=$(scripts/chromium.sh)
export CHROMIUM PATH=$PATH:$tools

missing=$(scripts/kind.sh missing)
mapfile -t made < <(printf '%s' "$missing")
folder=$(mktemp -d)
finish() {
    ((!${#made[@]})) || scripts/kind.sh down "${made[@]}"
    rm -rf "$folder"
}
trap finish EXIT

export KUBECONFIG=$folder/kubeconfig
scripts/kind.sh up
export IMAGE_REGISTRY=localhost:5000 REGISTRY=localhost:5000 REGISTRY_PLAIN_HTTP=1
make images >"$folder/images.yaml"
IMAGES=$folder/images.yaml INGRESS_ADDRESS=127.0.0.1 make test-cluster
