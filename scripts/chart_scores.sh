#!/usr/bin/env bash
# What operators' scanners say of the chart: kube-score, checkov and kubeconform on what it renders by
# default and hardened. Nothing may be critical, a warning or failed; exceptions are annotations with
# a reason (templates/_scores.tpl). Needs helm, and go, which builds the tools into .tools/go.
# Without them it is left out, unless CHART_SCORES=required.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

checkov=3.3.30 kubernetes=v1.34.4
chart=charts/freelancer-data-stack
helm=${HELM_BIN:-$(command -v helm || true)}

lacking=()
[[ -n $helm ]] || lacking+=("helm (on PATH or in HELM_BIN)")
command -v go >/dev/null || lacking+=(go)
[[ -x .tools/bin/uv ]] || lacking+=("the uv of \`make setup\`")
if ((${#lacking[@]})); then
    echo "chart scores: left out, for want of ${lacking[*]}" >&2
    [[ ${CHART_SCORES:-} != required ]]
    exit
fi

echo "chart scores: tools"
tools=$(scripts/tools.sh --pinned kube-score kubeconform)
schemas=$(scripts/schemas.sh "$kubernetes")

rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT
failed=0
for scenario in default hardened; do
    "$helm" template prod "$chart" --namespace data --kube-version "${kubernetes#v}" \
        --values "$chart/ci/$scenario-values.yaml" >"$rendered/$scenario.yaml"
    echo "chart scores: kube-score, $scenario"
    "$tools/kube-score" score --output-format ci --kubernetes-version "${kubernetes%.*}" \
        "$rendered/$scenario.yaml" >"$rendered/score" || true
    grep -q '^\[OK\]' "$rendered/score" || { cat "$rendered/score"; failed=1; }
    if grep -E '^\[(CRITICAL|WARNING)\]' "$rendered/score"; then failed=1; fi
    echo "chart scores: kubeconform, $scenario"
    "$tools/kubeconform" -strict -schema-location "$schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json" \
        "$rendered/$scenario.yaml" || failed=1
done
rm "$rendered/score"
echo "chart scores: checkov"
.tools/bin/uv tool run --quiet "checkov==$checkov" --skip-download --framework kubernetes \
    --compact --quiet --directory "$rendered" || failed=1
exit "$failed"
