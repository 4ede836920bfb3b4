#!/usr/bin/env bash
# Release a version: images with SBOM and provenance, and the chart, into an OCI registry.
#   IMAGE_REGISTRY=ghcr.io/acme ci/release.sh v0.1.0 images.yaml
# The version is the chart's appVersion. The images are named by digest in the file; the chart goes to
# IMAGE_REGISTRY/charts. REGISTRY_USER and REGISTRY_PASSWORD log in there, if set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${1:-} file=${2:-images.yaml} chart=charts/freelancer-data-stack/Chart.yaml

die() { echo "release: $*" >&2; exit 1; }

[[ -n ${IMAGE_REGISTRY:-} ]] || die "to where? IMAGE_REGISTRY=ghcr.io/acme ci/release.sh $version"
expected=v$(sed -n 's/^appVersion: *//p' "$chart" | tr -d '"')
[[ $version == "$expected" ]] || die "'$version' is not the version of $chart: expected $expected, or another appVersion"
[[ -z $(git status --porcelain --untracked-files=no) ]] || die "there are changes that are not committed: commit or restore them"

export IMAGE_REGISTRY=${IMAGE_REGISTRY,,} # OCI names are in lower case, GitHub's owners not always
tools=$(scripts/tools.sh helm oras syft)
export PATH=$PATH:$tools
if [[ -n ${REGISTRY_PASSWORD:-} ]]; then
    host=${IMAGE_REGISTRY%%/*}
    docker login "$host" --username "$REGISTRY_USER" --password-stdin <<<"$REGISTRY_PASSWORD"
    helm registry login "$host" --username "$REGISTRY_USER" --password-stdin <<<"$REGISTRY_PASSWORD"
fi
# First: another content under a version that is published stops all.
scripts/publish-chart.sh --check
ci/images.sh "$file"
make publish-chart TO="oci://$IMAGE_REGISTRY/charts"
