#!/usr/bin/env bash
# Build the five images and push them; print a values file that names them by digest.
#   scripts/build-images.sh > images.yaml
# IMAGE_REGISTRY (localhost:5000) takes the images, IMAGE_TAG (the chart's appVersion) is their tag.
# BUILD_IMAGE is a command that is called as `BUILD_IMAGE NAME:TAG CONTEXT -f DOCKERFILE
# [--build-arg NAME=VALUE]...`, pushes what it built to IMAGE_REGISTRY and prints its digest as the
# last line; the default is docker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

registry=${IMAGE_REGISTRY:-localhost:5000}
tag=${IMAGE_TAG:-$(sed -n 's/^appVersion: *//p' charts/freelancer-data-stack/Chart.yaml)}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

with_docker() {
    local image=$registry/$1 context=$2
    shift 2
    docker build --tag "$image" "$@" "$context" >&2
    docker push --quiet "$image" >&2
    docker image inspect --format '{{index .RepoDigests 0}}' "$image" | sed 's/.*@//'
}

build() {
    local name=$1 dockerfile=$2 digest
    shift 2
    echo "images: $name" >&2
    read -ra command <<<"${BUILD_IMAGE:-with_docker}"
    digest=$("${command[@]}" "freelancer-data-stack/$name:$tag" . -f "$dockerfile" \
        --build-arg "VERSION=$tag" --build-arg "REVISION=$revision" "$@" | tail -n 1)
    if [[ $digest != sha256:* ]]; then
        echo "images: $name: expected its digest as the last line of BUILD_IMAGE, got '$digest'" >&2
        exit 1
    fi
    printf 'image: {repository: freelancer-data-stack/%s, tag: "%s", digest: "%s"}\n' \
        "$name" "$tag" "$digest"
}

image=$(build dagster images/dagster/Dockerfile)
printf 'image: {registry: %s}\ndagster:\n  %s\ncodeLocations:\n' "$registry" "$image"
for location in ingestion transformation quality catalog; do
    image=$(build "$location" images/code-location/Dockerfile --build-arg "LOCATION=$location")
    printf '  %s:\n    %s\n' "$location" "$image"
done
