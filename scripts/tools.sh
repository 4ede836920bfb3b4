#!/usr/bin/env bash
# Compile programs of tools.txt into .tools/go, at the versions that it names, and print that folder.
#   PATH=$PATH:$(scripts/tools.sh helm kind)
#   scripts/tools.sh --pinned kube-score     not the one that PATH may have, of whatever version
# What PATH has, or <NAME>_BIN names, is used as it is. Needs go for the others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$PWD/.tools/go

die() { echo "tools: $*" >&2; exit 1; }

is_there() { # NAME: on PATH, or named by a variable
    local variable=${1^^}_BIN
    variable=${variable//-/_}
    [[ -n ${!variable:-} ]] || command -v "$1" >/dev/null
}

pinned=0
[[ ${1:-} != --pinned ]] || { pinned=1; shift; }
for name in "$@"; do
    ((pinned)) || ! is_there "$name" || continue
    read -r package flags < <(sed -n "s/^$name //p" scripts/tools.txt) || true
    [[ -n $package ]] || die "no $name on PATH, and none in scripts/tools.txt: install it"
    stamp=$folder/$name-${package##*@}
    [[ ! -e $stamp ]] || continue
    command -v go >/dev/null || die "no $name, and no go to compile it: install one of them"
    echo "tools: compiling $name ${package##*@}" >&2
    GOBIN=$folder GOFLAGS=-mod=mod CGO_ENABLED=0 go install ${flags:+"$flags"} "$package" >&2
    touch "$stamp"
done
echo "$folder"
