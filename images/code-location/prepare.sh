#!/bin/bash
# In an image build: put into /app what a location needs beside its packages, made ready to run.
set -euo pipefail
location=$1
python=/opt/stack/bin/python
export STACK_HOME=/tmp/stack

mkdir -p /app/quality/alerts
case $location in
ingestion)
    AIRBYTE_CONNECTORS_DIR=/app/ingestion/connectors /opt/stack/bin/stack connectors
    ;;
transformation)
    mkdir -p /app/transformation
    cp -r code_locations/transformation/dbt /app/transformation/
    "$python" -m transformation.prepare
    test -s "$DBT_PROJECT_DIR/target/manifest.json"
    ;;
quality)
    cp -r code_locations/quality/great_expectations /app/quality/
    ;;
*)
    if [[ ! -d code_locations/$location ]]; then
        echo "prepare: no location $location in code_locations" >&2
        exit 1
    fi
    ;;
esac
chown -R 10001:10001 /app/quality/alerts
rm -rf /tmp/stack
