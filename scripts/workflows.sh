#!/usr/bin/env bash
# What is wrong or unsafe in .github/workflows: zizmor, and actionlint, which go compiles into .tools/go.
# Without go that is left out, unless CI=true. Nothing is asked of GitHub.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH" # actionlint asks shellcheck of the commands
zizmor --quiet --offline --strict-collection --persona pedantic --no-progress .github
if command -v go >/dev/null; then
    "$(scripts/tools.sh --pinned actionlint)/actionlint"
elif [[ ${CI:-} == true ]]; then
    echo "workflows: no go to compile actionlint: install it" >&2
    exit 1
else
    echo "workflows: actionlint left out, for want of go" >&2
fi
