#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# run.sh [vector|vecmesh|isolation] [OPTION of pg_regress…]: runs a suite (default: vecmesh) against the
# running server that PGHOST, PGPORT and PGUSER name. For vecmesh the server needs
# shared_preload_libraries = 'vecmesh' and max_prepared_transactions >= 20; the databases of its workers
# are made anew here, on the same server.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
pg_config=${PG_CONFIG:-pg_config}
bindir=$("$pg_config" --bindir)
tests=${PG_TESTS:-$(dirname "$("$pg_config" --pgxs)")/../test}

suite=vecmesh
case ${1:-} in
vector | vecmesh | isolation)
    suite=$1
    shift
    ;;
esac

# The caller's options come last, so that they win.
options=(--bindir="$bindir" --outputdir="${OUTPUT:-$here}" --load-extension=vector)

sql() { "$bindir/psql" -XqAt -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

make_workers() {
    local worker
    for worker in vecmesh_w1 vecmesh_w2 vecmesh_w3 vecmesh_w4 vecmesh_plain; do
        sql postgres "DROP DATABASE IF EXISTS $worker WITH (FORCE)" 2>/dev/null
        sql postgres "CREATE DATABASE $worker TEMPLATE template0"
        case $worker in
        vecmesh_plain) ;; # what add_node() must refuse
        *) sql "$worker" "CREATE EXTENSION vector" ;;
        esac
    done
}

case $suite in
vector)
    exec "$tests/regress/pg_regress" --inputdir="$here" --schedule="$here/schedule" \
        --dbname=regression "${options[@]}" "$@"
    ;;
vecmesh)
    make_workers
    exec "$tests/regress/pg_regress" --inputdir="$here" --schedule="$here/vecmesh_schedule" \
        --dbname=vecmesh_regression "${options[@]}" --load-extension=vecmesh "$@"
    ;;
isolation)
    exec "$tests/isolation/pg_isolation_regress" --inputdir="$here/isolation" --dbname=isolation \
        "${options[@]}" "$@"
    ;;
esac
