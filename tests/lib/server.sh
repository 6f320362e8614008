# SPDX-License-Identifier: PostgreSQL
#
# PostgreSQL servers of our own: made, started and stopped without touching any other. They listen
# on 127.0.0.1 only and ask for a password, which lies in STATE/pgpass. Sourced by ./run.

# free_port FIRST: prints the first port from FIRST on that nobody listens on.
free_port() {
    local port=$1
    while port_taken "$port"; do port=$((port + 1)); done
    echo "$port"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The password file: made once, readable by the server's user (and root) only.
use_password() {
    export PGPASSFILE=$STATE/pgpass
    if [ ! -s "$PGPASSFILE" ]; then
        local password
        password=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')
        (umask 077 && printf '*:*:*:*:%s\n' "$password" >"$PGPASSFILE.new")
        if is_root; then chown postgres "$PGPASSFILE.new"; fi
        mv "$PGPASSFILE.new" "$PGPASSFILE"
    fi
}

# make_server FOLDER PORT [SETTING…]: initdb into a side folder, renamed when complete, so that a
# killed run leaves nothing that looks finished.
make_server() {
    local folder=$1 port=$2
    shift 2
    rm -rf "$folder.new"
    server_folder "$(dirname "$folder")"
    cut -d: -f5 "$PGPASSFILE" | as_server sh -c 'umask 077; cat >"$1"' - "$folder.pw"
    quietly "$LOGS/initdb.log" as_server "$PG_BIN/initdb" -D "$folder.new" -U postgres \
        --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --pwfile="$folder.pw" --no-sync || return 1
    rm -f "$folder.pw"
    {
        printf "%s\n" "listen_addresses = '127.0.0.1'" "unix_socket_directories = ''" \
            "port = $port" "max_prepared_transactions = 100" "log_line_prefix = '%m [%p] %a '" \
            "$@"
    } | as_server tee -a "$folder.new/postgresql.conf" >/dev/null
    as_server mv "$folder.new" "$folder"
}

server_port() { as_server sed -n 's/^port = //p' "$1/postgresql.conf" | tail -n 1; }
server_runs() { as_server "$PG_BIN/pg_ctl" -D "$1" status >/dev/null 2>&1; }

# start_server FOLDER: does nothing when it runs. A stale postmaster.pid is PostgreSQL's own business.
start_server() {
    local folder=$1 port
    if server_runs "$folder"; then return; fi
    port=$(server_port "$folder")
    if port_taken "$port"; then
        die "port $port of $folder is taken by another program: stop that, or ./run clean"
    fi
    # A connection that somebody closed may hold the number for a minute (TIME-WAIT).
    local deadline=$((SECONDS + 75))
    while ! try_start "$folder"; do
        if [ $SECONDS -ge $deadline ] ||
            ! as_server tail -n 6 "$folder.log" | grep -q 'Address already in use'; then
            warn "the server in $folder did not start"
            as_server tail -n 20 "$folder.log" >&2 || cat "$LOGS/pg_ctl.log" >&2
            return 1
        fi
        sleep 5
    done
}

# The server's log lies next to its data. SERVER_PROGRAM is started in place of postgres, if it is set.
try_start() {
    as_server env PGPASSFILE="$PGPASSFILE" "$PG_BIN/pg_ctl" -D "$1" -w -t 60 -s ${SERVER_PROGRAM:+-p "$SERVER_PROGRAM"} \
        -l "$1.log" start >"$LOGS/pg_ctl.log" 2>&1
}

stop_server() {
    if [ -d "$1" ] && server_runs "$1"; then
        as_server "$PG_BIN/pg_ctl" -D "$1" -w -s -m "${2:-fast}" stop
    fi
}

# sql PORT DATABASE [psql arguments…]: psql without the user's own settings.
sql() {
    local port=$1 database=$2
    shift 2
    "$PG_BIN/psql" -XqAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres -d "$database" "$@"
}
