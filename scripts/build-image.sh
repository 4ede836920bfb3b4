#!/usr/bin/env bash
# Build one image and push it; print its digest.
#   scripts/build-image.sh NAME CONTEXT -f DOCKERFILE [--build-arg NAME=VALUE]...
# IMAGE_REGISTRY (localhost:5000) takes it as freelancer-data-stack/NAME, IMAGE_TAG (the chart's
# appVersion) is its tag.
# BUILD_IMAGE is a command that is called as `BUILD_IMAGE NAME:TAG CONTEXT -f DOCKERFILE
# [--build-arg NAME=VALUE]...`, pushes what it built to IMAGE_REGISTRY and prints its digest as the
# last line; the default is docker. PLATFORM, such as linux/arm64, goes to it as --platform, and BASE as
# the build argument of that name: what the image builds on, by digest if you like.
# How it was built is written to PROVENANCE/NAME.json (.tools/provenance), as scripts/provenance.py has it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

registry=${IMAGE_REGISTRY:-localhost:5000}
tag=${IMAGE_TAG:-$(sed -n 's/^appVersion: *//p' charts/freelancer-data-stack/Chart.yaml)}
name=$1 context=$2
shift 2
[[ -z ${PLATFORM:-} ]] || set -- "$@" --platform "$PLATFORM"
[[ -z ${BASE:-} || " $* " == *" BASE="* ]] || set -- "$@" --build-arg "BASE=$BASE"
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)

with_docker() {
    local image=$registry/$1 context=$2
    shift 2
    docker build --tag "$image" "$@" "$context" >&2
    docker push --quiet "$image" >&2
    docker image inspect --format '{{index .RepoDigests 0}}' "$image" | sed 's/.*@//'
}

read -ra command <<<"${BUILD_IMAGE:-with_docker}"
digest=$("${command[@]}" "freelancer-data-stack/$name:$tag" "$context" "$@" | tail -n 1)
if [[ $digest != sha256:* ]]; then
    echo "images: $name: expected its digest as the last line of BUILD_IMAGE, got '$digest'" >&2
    exit 1
fi
python3 scripts/provenance.py --image "$registry/freelancer-data-stack/$name" --digest "$digest" \
    --started "$started" --context "$context" --to "${PROVENANCE:-.tools/provenance}/$name.json" "$@"
echo "$digest"
