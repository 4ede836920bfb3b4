#!/usr/bin/env bash
# Wipes what the stack can make again from its sources; `all` wipes people's files, too.
#
#   scripts/clean.sh           warehouse, runs, results, catalog
#   scripts/clean.sh all       also what was dropped into STACK_HOME, if CONFIRM=yes
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
home=${STACK_HOME:-.stack}
# By name: STACK_HOME may be a folder that has other things, too.
made=(artifacts catalog connectors dagster data_docs dbt dlt great_expectations lake logs run.lock
    scratch service warehouse.duckdb warehouse.duckdb.wal)
# Only copies of what people and tools dropped, or of what could not be loaded.
files=(alerts exports incoming quarantine)

if [[ ! -d $home ]]; then
    echo "clean: there is no $home"
    exit 0
fi
if [[ ${1:-} == all ]]; then
    if [[ ${CONFIRM:-} != yes ]]; then
        echo "clean: this deletes every file that was dropped into $home; say CONFIRM=yes" >&2
        exit 2
    fi
    made+=("${files[@]}")
fi
for name in "${made[@]}"; do
    rm -rf "${home:?}/$name"
done
shopt -s nullglob dotglob
for path in "$home"/*; do
    [[ -n $(find "$path" ! -type d -print -quit) ]] && echo "clean: kept $path"
done
rmdir --ignore-fail-on-non-empty "$home"
[[ ${1:-} == all ]] || echo "clean: \`make clean-files CONFIRM=yes\` wipes what was dropped there, too"
