#!/usr/bin/env bash
# Push the chart to an OCI registry, and mark what was published by a git tag.
#   scripts/publish-chart.sh oci://registry.example.org/charts
#   scripts/publish-chart.sh --check      say whether the chart differs from its published version
# A version is published once: another content under the same version is refused, whether the registry
# has it or the tag `chart-<version>`. REGISTRY_PLAIN_HTTP=1 is for registries without TLS. Log in by
# `helm registry login` first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

chart=charts/freelancer-data-stack
name=freelancer-data-stack
helm=${HELM_BIN:-helm}
version=$(sed -n 's/^version: *//p' "$chart/Chart.yaml")
tag=chart-$version
next="give it another version in $chart/Chart.yaml, and say in its CHANGELOG.md what changed"

die() { echo "publish-chart: $*" >&2; exit 1; }

check_tag() {
    git rev-parse --quiet --verify "refs/tags/$tag" >/dev/null || return 0
    if ! git diff --quiet "$tag" -- "$chart" || [[ -n $(git status --porcelain -- "$chart") ]]; then
        die "the chart differs from its version $version, which is published (tag $tag): $next"
    fi
}

check_tag
[[ ${1:-} != --check ]] || exit 0
[[ ${1:-} == oci://* ]] || die "to where? scripts/publish-chart.sh oci://registry.example.org/charts"
to=${1%/}
[[ -z $(git status --porcelain -- "$chart") ]] || die "$chart has changes that are not committed: commit or restore them"

plain=()
[[ ${REGISTRY_PLAIN_HTTP:-} != 1 ]] || plain=(--plain-http)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$helm" package "$chart" --destination "$folder" >/dev/null
mkdir "$folder/new" "$folder/there"
tar -xzmf "$folder/$name-$version.tgz" -C "$folder/new"

# Archives of the same files differ in their times, so files are compared.
if said=$("$helm" pull "$to/$name" --version "$version" "${plain[@]}" --untar --untardir "$folder/there" 2>&1); then
    diff -r "$folder/there/$name" "$folder/new/$name" >/dev/null ||
        die "$to/$name has $version already, with other content: $next"
    echo "publish-chart: $to/$name $version is there already, the same"
elif [[ $said == *"not found"* ]]; then
    "$helm" push "$folder/$name-$version.tgz" "$to" "${plain[@]}"
else
    die "$to does not say whether it has $version: $said"
fi
git rev-parse --quiet --verify "refs/tags/$tag" >/dev/null || git tag "$tag"
echo "publish-chart: git push origin $tag"
