#!/usr/bin/env bash
# Build the images, dagster's and one a location of workspace.yaml, and push them; print a values file that names them by digest.
#   scripts/build-images.sh > images.yaml
# IMAGE_REGISTRY, IMAGE_TAG, BUILD_IMAGE, PLATFORM, BASE and PROVENANCE are as build-image.sh has them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

registry=${IMAGE_REGISTRY:-localhost:5000}
tag=${IMAGE_TAG:-$(sed -n 's/^appVersion: *//p' charts/freelancer-data-stack/Chart.yaml)}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# What promotion reads the contract from; of files in no commit nobody can read it.
commit=$(git diff --quiet HEAD -- . ':!k8s/envs' 2>/dev/null && git rev-parse HEAD || true)

build() {
    local name=$1 dockerfile=$2 digest
    shift 2
    echo "images: $name" >&2
    digest=$(scripts/build-image.sh "$name" . -f "$dockerfile" \
        --build-arg "VERSION=$tag" --build-arg "REVISION=$revision" "$@")
    printf 'image: {repository: freelancer-data-stack/%s, tag: "%s", digest: "%s"%s}\n' \
        "$name" "$tag" "$digest" "${commit:+, commit: \"$commit\"}"
}

# Two at a time; the first location's build makes the layer that all of them share.
mapfile -t locations < <(sed -n 's/.*location_name: *\([a-z_]*\).*/\1/p' workspace.yaml)
built=$(mktemp -d)
trap 'wait; rm -rf "$built"' EXIT
location() { build "$1" images/code-location/Dockerfile --build-arg "LOCATION=$1" >"$built/$1"; }
build dagster images/dagster/Dockerfile >"$built/dagster" &
location "${locations[0]}"
wait $!
for ((i = 1; i < ${#locations[@]}; i += 2)); do
    location "${locations[i]}" &
    beside=$!
    [[ -z ${locations[i + 1]:-} ]] || location "${locations[i + 1]}"
    wait "$beside"
done

printf 'image: {registry: %s}\ndagster:\n  %s\ncodeLocations:\n' "$registry" "$(<"$built/dagster")"
for name in "${locations[@]}"; do
    printf '  %s:\n    %s\n' "$name" "$(<"$built/$name")"
done
