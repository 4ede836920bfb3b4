#!/usr/bin/env bash
# Check objects against the schemas of their kinds, those of other projects included: what k8s/ has for
# people to apply, and what the chart renders for each of its environments and from each file in the
# chart's ci/. Needs go for the schemas, and helm. Without them it is left out, unless
# CHART_SCORES=required.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kubernetes=v1.34.4
chart=charts/freelancer-data-stack
helm=${HELM_BIN:-$(command -v helm || true)}

if [[ -z $helm ]] || ! command -v go >/dev/null; then
    echo "manifests: left out, for want of helm (on PATH or in HELM_BIN) or go" >&2
    [[ ${CHART_SCORES:-} != required ]]
    exit
fi

schemas=$(scripts/schemas.sh "$kubernetes")
tools=$(scripts/tools.sh --pinned kubeconform)
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT
render() { # NAME OPTIONS
    "$helm" template prod "$chart" --namespace data --kube-version "${kubernetes#v}" \
        --api-versions monitoring.coreos.com/v1 "${@:2}" >"$rendered/$1.yaml"
}
for values in "$chart"/ci/*-values.yaml; do
    render "$(basename "$values" .yaml)" --values "$values"
done
for folder in k8s/envs/*; do
    render "${folder##*/}" --values "$folder/values.yaml" --values "$folder/images.yaml"
done
mapfile -t files < <(git ls-files 'k8s/*.yaml' | grep -vE '/(values|images|kustomization|names)\.yaml$')
"$tools/kubeconform" -strict \
    -schema-location "$schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json" "${files[@]}" "$rendered"
