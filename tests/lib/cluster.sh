# SPDX-License-Identifier: PostgreSQL
#
# The local cluster: a coordinator and four workers, each a server of its own, with a database
# `vecmesh` in each. Sourced by ./run.

CLUSTER_NODES=(coordinator worker1 worker2 worker3 worker4)
DATABASE=vecmesh

cluster_folder() { echo "$STATE/cluster/$1"; }

cluster_help() {
    cat <<END
usage: ./run cluster start | stop | status | psql [NODE] [psql arguments…]

  start    make (once) and start a coordinator and four workers on this machine
  stop     stop them; their data stays
  status   which run, and where
  psql     a psql session on the coordinator, or on NODE (${CLUSTER_NODES[*]:1})
END
}

command_cluster() {
    local action=${1:-}
    shift || true
    case $action in
    start) command_cluster_start ;;
    stop) command_cluster_stop ;;
    status) command_cluster_status ;;
    psql) command_cluster_psql "$@" ;;
    help | --help | -h) cluster_help ;;
    *)
        cluster_help >&2
        exit 2
        ;;
    esac
}

command_cluster_start() {
    need_packages "${PACKAGES_SERVER[@]}" "${PACKAGES_BUILD[@]}"
    find_postgresql
    build_and_install release
    cluster_start
    cluster_hint
}

command_cluster_stop() {
    local node
    find_postgresql
    for node in "${CLUSTER_NODES[@]}"; do stop_server "$(cluster_folder "$node")"; done
    say "the cluster is stopped; ./run cluster start starts it again"
}

command_cluster_status() {
    local node folder
    find_postgresql
    for node in "${CLUSTER_NODES[@]}"; do
        folder=$(cluster_folder "$node")
        if ! as_server test -d "$folder"; then
            printf '%-12s not made yet\n' "$node"
        elif server_runs "$folder"; then
            printf '%-12s runs on 127.0.0.1:%s\n' "$node" "$(server_port "$folder")"
        else
            printf '%-12s stopped (port %s)\n' "$node" "$(server_port "$folder")"
        fi
    done
}

command_cluster_psql() {
    local node=coordinator
    find_postgresql
    if as_server test -d "$(cluster_folder "${1:-none}")"; then
        node=$1
        shift
    fi
    server_runs "$(cluster_folder "$node")" || die "$node does not run: ./run cluster start"
    use_password
    exec 9>&-
    exec "$PG_BIN/psql" -h 127.0.0.1 -p "$(server_port "$(cluster_folder "$node")")" -U postgres \
        -d "$DATABASE" "$@"
}

# cluster_start: makes what is missing, starts what does not run, and joins the workers.
cluster_start() {
    local node folder port=${VECMESH_PORT:-5700}
    use_password
    title "Starting a coordinator and four workers"
    for node in "${CLUSTER_NODES[@]}"; do
        folder=$(cluster_folder "$node")
        if ! as_server test -d "$folder"; then
            port=$(free_port "$port")
            make_server "$folder" "$port" "$(cluster_settings "$node")" || return 1
            port=$((port + 1))
        elif library_newer "$folder"; then
            stop_server "$folder" # it would go on with the old library
        fi
        start_server "$folder" || return 1
        ensure_database "$folder" || return 1
    done
    join_workers || return 1
    remember_scripts
    command_cluster_status
}

# Extensions keep the SQL objects they were created with. While a version is being worked on its
# install script changes without a new number: then an old cluster lacks what the new library has.
remember_scripts() {
    local sums file=$STATE/cluster/scripts
    sums=$(cat "$TOP"/sql/*--*.sql | cksum)
    if [ ! -e "$file" ]; then
        echo "$sums" >"$file"
    elif [ "$(cat "$file")" != "$sums" ]; then
        warn "sql/ has changed since this cluster was made; ./run clean lets you make it anew"
    fi
}

cluster_settings() {
    echo "cluster_name = '$1'"
    echo "shared_buffers = '64MB'"
    echo "maintenance_work_mem = '64MB'"
    if [ "$1" = coordinator ]; then echo "shared_preload_libraries = 'vecmesh'"; fi
}

# True when the extensions were installed after the server started.
library_newer() {
    server_runs "$1" && as_server test "$("$PG_CONFIG" --pkglibdir)/vecmesh.so" -nt "$1/postmaster.pid"
}

ensure_database() {
    local port
    port=$(server_port "$1")
    [ "$(sql "$port" postgres -c "SELECT count(*) FROM pg_database WHERE datname = '$DATABASE'")" = 1 ] ||
        sql "$port" postgres -c "CREATE DATABASE $DATABASE" || return 1
    sql "$port" "$DATABASE" -c "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS vector"
}

# join_workers: CREATE EXTENSION vecmesh on the coordinator, and add_node for each worker not known.
join_workers() {
    local node port coordinator
    coordinator=$(server_port "$(cluster_folder coordinator)")
    sql "$coordinator" "$DATABASE" \
        -c "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS vecmesh" || return 1
    for node in "${CLUSTER_NODES[@]:1}"; do
        port=$(server_port "$(cluster_folder "$node")")
        sql "$coordinator" "$DATABASE" -c "SELECT vecmesh.add_node('127.0.0.1', $port, '$DATABASE')
            WHERE NOT EXISTS (SELECT FROM vecmesh.node WHERE port = $port)" >/dev/null || return 1
    done
}

cluster_hint() {
    local port
    port=$(server_port "$(cluster_folder coordinator)")
    say "
Go on with:
  ./run cluster psql
or from any client:
  PGPASSFILE=$PGPASSFILE $PG_BIN/psql -h 127.0.0.1 -p $port -U postgres $DATABASE
and stop it with:
  ./run cluster stop"
}
