#!/bin/bash
# Starts one node of a vecmesh cluster. On an empty data directory it makes the database first.
#
# Environment:
#   VECMESH_ROLE            worker (default) or coordinator
#   VECMESH_PASSWORD_FILE   file with the password of user postgres (a secret), or
#   VECMESH_PASSWORD        the password itself; one of the two is required
#   VECMESH_DB              database name, the same on all nodes (default: vecmesh)
#   VECMESH_WORKERS         coordinator only: "host[:port] …", added as nodes if they are not yet
#   VECMESH_WAIT            seconds to wait for each worker (default: 120)
set -euo pipefail

role=${VECMESH_ROLE:-worker}
db=${VECMESH_DB:-vecmesh}
wait_seconds=${VECMESH_WAIT:-120}
passfile=/var/lib/postgresql/.pgpass

say() { echo "vecmesh $role: $*"; }
die() { echo "vecmesh $role: error: $*" >&2; exit 1; }

case $role in worker | coordinator) ;; *) die "VECMESH_ROLE must be worker or coordinator, not \"$role\"" ;; esac

# A secret's file belongs to whoever made it on the host, so root reads it, hands it to postgres
# and steps down.
if [ "$(id -u)" = 0 ]; then
    if [ -n "${VECMESH_PASSWORD_FILE:-}" ]; then
        [ -r "$VECMESH_PASSWORD_FILE" ] || die "cannot read VECMESH_PASSWORD_FILE $VECMESH_PASSWORD_FILE"
        password=$(head -n 1 "$VECMESH_PASSWORD_FILE")
    else
        password=${VECMESH_PASSWORD:-}
    fi
    [ -n "$password" ] || die "no password: set VECMESH_PASSWORD_FILE (a secret) or VECMESH_PASSWORD"
    escaped=${password//\\/\\\\}
    escaped=${escaped//:/\\:}
    umask 077
    printf '*:*:*:*:%s\n' "$escaped" > "$passfile"
    printf '%s\n' "$password" > /var/lib/postgresql/.password
    chown postgres: "$passfile" /var/lib/postgresql/.password
    chown postgres: "$PGDATA"
    chmod 0700 "$PGDATA"
    unset VECMESH_PASSWORD
    export HOME=/var/lib/postgresql USER=postgres
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
export PGPASSFILE=$passfile

[ "${1:-postgres}" = postgres ] || exec "$@"

initialise() {
    say "making the database in $PGDATA"
    initdb --username=postgres --pwfile=/var/lib/postgresql/.password --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=peer --auth-host=scram-sha-256 --data-checksums > /dev/null
    cat >> "$PGDATA/postgresql.conf" <<CONF

# vecmesh
listen_addresses = '*'
unix_socket_directories = '/var/run/postgresql'
password_encryption = 'scram-sha-256'
shared_preload_libraries = 'vecmesh'
max_prepared_transactions = 100  # writes that span nodes are prepared first
include_if_exists = '/etc/vecmesh/postgresql.conf'
CONF
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
}

# A server that only this script can reach, while the database is being prepared.
with_private_server() {
    pg_ctl -D "$PGDATA" -w -s -o "-c listen_addresses=''" -l /tmp/startup.log start ||
        { cat /tmp/startup.log >&2; die "the server did not start"; }
    "$@"
    pg_ctl -D "$PGDATA" -w -s -m fast stop
}

sql() { psql -X -q -v ON_ERROR_STOP=1 -h /var/run/postgresql "$@"; }

create_database() {
    sql -d postgres -c "CREATE DATABASE \"$db\""
    sql -d "$db" -c "CREATE EXTENSION vector"
    [ "$role" = worker ] || sql -d "$db" -c "CREATE EXTENSION vecmesh"
}

add_workers() {
    local worker host port
    for worker in ${VECMESH_WORKERS:-}; do
        host=${worker%%:*}
        port=5432
        [ "$host" = "$worker" ] || port=${worker##*:}
        if [ "$(sql -d "$db" -Atv host="$host" -v port="$port" -v db="$db" <<'SQL'
SELECT count(*) FROM vecmesh.node WHERE host = :'host' AND port = :'port' AND dbname = :'db'
SQL
)" != 0 ]; then
            continue
        fi
        say "waiting for $host:$port"
        timeout "$wait_seconds" bash -c "until pg_isready -q -h '$host' -p '$port'; do sleep 1; done" ||
            die "worker $host:$port did not answer within $wait_seconds s"
        sql -d "$db" -v host="$host" -v port="$port" -v db="$db" > /dev/null <<'SQL'
SELECT vecmesh.add_node(:'host', :'port', :'db')
SQL
        say "added $host:$port"
    done
}

first_start() {
    create_database
    [ "$role" = worker ] || add_workers
}

forget_half_made_database() {
    pg_ctl -D "$PGDATA" -s -m immediate stop 2> /dev/null || true
    find "$PGDATA" -mindepth 1 -delete
}

# A container killed half way through its first start leaves no marker, and starts over.
if [ ! -e "$PGDATA/vecmesh.ready" ]; then
    [ ! -s "$PGDATA/PG_VERSION" ] || say "the first start was interrupted; starting over"
    find "$PGDATA" -mindepth 1 -delete
    trap forget_half_made_database EXIT
    initialise
    with_private_server first_start
    touch "$PGDATA/vecmesh.ready"
    trap - EXIT
elif [ "$role" = coordinator ]; then
    with_private_server add_workers
fi
rm -f /var/lib/postgresql/.password
say "ready on port 5432, database $db"
exec postgres -D "$PGDATA"
