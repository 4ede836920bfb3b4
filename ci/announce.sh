#!/usr/bin/env bash
# Tell GitHub of a release: the tag of the chart's version, and a release page with the images by digest.
#   ci/announce.sh v0.1.0 images.yaml
# Needs gh with GH_TOKEN, that may write contents. A second time changes nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$1 file=$2 chart=charts/freelancer-data-stack/Chart.yaml

gh auth setup-git
tag=chart-$(sed -n 's/^version: *//p' "$chart")
if [[ -z $(git ls-remote --tags origin "refs/tags/$tag") ]]; then
    git push origin "HEAD:refs/tags/$tag"
fi
gh release view "$version" >/dev/null 2>&1 ||
    gh release create "$version" "$file" --verify-tag --title "$version" --generate-notes
