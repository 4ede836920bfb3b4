#!/bin/bash
# Before Postgres listens: its files on an empty volume; databases, roles and passwords as the
# Secret has them. So a password that changes is applied by a restart of the pod.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")

die() { echo "postgresql: $*" >&2; exit 1; }

for name in DAGSTER_PASSWORD LAKE_PASSWORD; do
    [[ -n ${!name:-} ]] || die "$name is empty: the Secret needs dagster-password and lake-password"
done
# It goes into a URL as it is.
[[ $LAKE_PASSWORD =~ ^[A-Za-z0-9._~-]+$ || ${LAKE_PASSWORD_IN_URL:-} == quoted ]] ||
    die "lake-password has a character that a URL can't: use letters, digits and . _ ~ - only"

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    echo "postgresql: the volume is empty"
    rm -rf "$PGDATA.new"
    initdb --pgdata="$PGDATA.new" --username=postgres --encoding=UTF8 --auth=reject >/dev/null
    mv -T "$PGDATA.new" "$PGDATA" || die "$PGDATA holds files, but no database: look at the volume"
fi

run=$(mktemp -d)
printf 'local all all trust\n' >"$run/pg_hba.conf"
# A statement with a password must not get into the log if it fails.
pg_ctl --wait --timeout=600 --silent start --log="$run/log" --options="\
    -c listen_addresses='' -c unix_socket_directories='$run' -c hba_file='$run/pg_hba.conf' \
    -c log_min_error_statement=panic" || { cat "$run/log" >&2; die "it doesn't start"; }
trap 'pg_ctl --wait --silent --mode=fast stop' EXIT

as() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host="$run" --username="$1" "${@:2}"; }

# The chart's first version made its volumes with `dagster` as the superuser that owns them, which
# can't be taken from it: it becomes `postgres`, and another `dagster` is made.
if as dagster --dbname=postgres --no-align --tuples-only \
    --command="select 1 from pg_roles where oid = 10 and rolname = 'dagster'" 2>/dev/null | grep -q 1; then
    echo "postgresql: dagster is a superuser of this volume; it gets a role with no more than its database"
    as dagster --dbname=postgres --file="$here/takeover.sql"
    as takeover --dbname=postgres --command='alter role dagster rename to postgres'
fi
as postgres --dbname=postgres --file="$here/roles.sql"
as postgres --dbname=dagster --file="$here/owner.sql"
echo "postgresql: roles and passwords are as the Secret says"
