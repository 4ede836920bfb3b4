#!/usr/bin/env bash
# Every static check of the repository, or those that are named; `make lint` and CI call it. Goes on
# after a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"
printf -v wanted '|%s|' "$@" # none: ||
failed=()

check() {
    local name=$1
    shift
    [[ $wanted == "||" || $wanted == *"|$name|"* ]] || return 0
    echo "lint: $name"
    "$@" || failed+=("$name")
}

mapfile -t shell_files < <(git ls-files '*.sh' .ci/run)
mapfile -t dockerfiles < <(git ls-files '*Dockerfile')

check "ruff format" ruff format --check --quiet .
check "ruff" ruff check --quiet .
check "mypy" mypy
check "mypy, merged process" mypy --explicit-package-bases code_locations/definitions.py code_locations/run.py
check "mypy, scripts" mypy scripts
check "dead code" vulture
check "sqlfluff" sqlfluff lint --disable-progress-bar code_locations/transformation/dbt
check "shellcheck" shellcheck "${shell_files[@]}"
check "hadolint" hadolint "${dockerfiles[@]}"
check "workflows" scripts/workflows.sh
check "yamllint" yamllint --strict .
check "chart version" scripts/publish-chart.sh --check
check "licences" bash -c "python -m scripts.supply licences >/dev/null"
check "chart scores" scripts/chart_scores.sh
check "manifests" scripts/manifests.sh
check "skaffold" scripts/skaffold.sh
check "lock" .tools/bin/uv lock --check --quiet

if ((${#failed[@]})); then
    printf 'lint: %s failed\n' "${failed[@]}" >&2
    exit 1
fi
echo "lint: all clean"
