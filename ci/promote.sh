#!/usr/bin/env bash
# Open the pull request that promotes images; what `stack promote` says is its text.
#   ci/promote.sh dev staging [options of `stack promote`]
#   ci/promote.sh images.yaml dev     the images that a release built, to the first environment
# PROOF may be what `stack prove dev` printed. With FORGE_TOKEN and FORGE_REPOSITORY the command opens
# the pull request itself.
# Needs helm (or go), and gh with GH_TOKEN, that may write contents and pull requests. From the branch
# that is checked out, on a branch of its own; again, it renews the pull request.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
from=${1:-} to=${2:-}

die() { echo "promote: $*" >&2; exit 1; }

[[ -n $from && -n $to ]] || die "from where to where? ci/promote.sh dev staging"
[[ ! -f $from || $to == dev ]] || die "a release's images go to dev; from there: ci/promote.sh dev staging"
base=$(git branch --show-current)
[[ -n $base ]] || die "no branch is checked out: the pull request needs one to go to"
shift 2
source=$from
[[ ! -f $from ]] || source=release
branch=promote/$source-to-$to
before=$(git rev-parse HEAD)

release_to_dev() {
    local file=k8s/envs/dev/images.yaml new
    new=$(grep '^#' "$file"; grep -v '^#' "$from")
    printf '%s\n' "$new" >"$file"
    if git diff --quiet -- "$file"; then
        echo "nothing to promote: dev has these images"
    else
        git commit --quiet --message "Images of ${GITHUB_REF_NAME:-a release}" -- "$file"
        git show --format= --unified=0 -- "$file"
    fi
}

environment_to_next() {
    local tools
    tools=$(scripts/tools.sh helm)
    make setup >&2
    if [[ -n ${PROOF:-} ]]; then
        printf '%s' "$PROOF" >"$folder/proof.json"
        set -- "$@" --proof "$folder/proof.json"
    fi
    PATH=$PATH:$tools .venv/bin/stack promote "$from" "$to" "$@"
}

gh auth setup-git
folder=$(mktemp -d)
# What was committed goes to a branch of its own; this one stays where it was.
trap 'git reset --quiet --keep "$before"; rm -rf "$folder"' EXIT
if [[ -f $from ]]; then
    release_to_dev >"$folder/said"
else
    environment_to_next "$@" >"$folder/said"
fi
said=$(<"$folder/said") fence='````'
echo "$said"
text=$fence$'diff\n'${said:0:60000}$'\n'$fence # GitHub takes 65,536 characters
[[ -z ${GITHUB_STEP_SUMMARY:-} ]] || echo "$text" >>"$GITHUB_STEP_SUMMARY"
[[ $(git rev-parse HEAD) != "$before" ]] || exit 0

git push --quiet --force origin "HEAD:refs/heads/$branch"
number=$(gh pr list --head "$branch" --base "$base" --state open --json number --jq '.[0].number // empty')
if [[ -n $number ]]; then
    gh pr edit "$number" --body "$text"
else
    gh pr create --base "$base" --head "$branch" --title "Promote $source to $to" --body "$text"
fi
