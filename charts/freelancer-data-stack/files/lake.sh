#!/bin/bash
# First start of the bundled Postgres: the database of the lake's catalog, and its own user.
set -euo pipefail
psql --no-psqlrc -v ON_ERROR_STOP=1 -v password="$LAKE_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
create role lake login password :'password';
create database lake owner lake;
revoke all on database dagster from public;
SQL
