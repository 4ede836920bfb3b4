#!/bin/sh
# Write the bundled S3 store's only identity, from the variables of this process.
set -eu

quoted() { printf '%s' "$1" | sed 's/["\\]/\\&/g'; }

actions='["Admin", "Read", "Write", "List", "Tagging"]'
printf '{"identities": [{"name": "stack", "actions": %s, "credentials": [{"accessKey": "%s", "secretKey": "%s"}]}]}' \
    "$actions" "$(quoted "$AWS_ACCESS_KEY_ID")" "$(quoted "$AWS_SECRET_ACCESS_KEY")" >"${S3_CONFIG:-/etc/s3/s3.json}"
