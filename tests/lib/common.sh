# SPDX-License-Identifier: PostgreSQL
#
# What every command of ./run needs: words on the terminal, root rights, the state folder and its
# lock, and the user who runs servers. Sourced by ./run, which sets TOP.

if [ -t 1 ]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
title() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
note() { printf '%s%s%s\n' "$DIM" "$*" "$PLAIN"; }
warn() { printf '%s\n' "${RED}run: $*${PLAIN}" >&2; }
die() {
    warn "$@"
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# as_root COMMAND…: with sudo when we are not root.
as_root() {
    if is_root; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "this needs root rights and there is no sudo: $*"
    fi
}

# PostgreSQL refuses to run as root: then its package's user runs the servers.
server_user() { if is_root; then echo postgres; else id -un; fi; }

# as_server COMMAND…: as the server's user, from a folder it can enter, without our lock.
as_server() {
    if is_root; then
        (cd "$STATE" && exec runuser -u postgres -- "$@" 9>&-)
    else
        (cd "$STATE" && exec "$@" 9>&-)
    fi
}

# Where state lives: VECMESH_STATE, else .vecmesh/ in the tree, else (when the server's user cannot
# enter the tree, as under /root) a folder in /var/tmp named after the tree's path.
choose_state() {
    if [ -n "${VECMESH_STATE:-}" ]; then
        STATE=$VECMESH_STATE
    elif is_root && ! runuser -u nobody -- test -x "$TOP"; then
        # (Asked as nobody: user postgres comes with the package, perhaps later in this run.)
        STATE=/var/tmp/vecmesh-$(printf '%s' "$TOP" | cksum | cut -d' ' -f1)
        note "user postgres cannot enter $TOP: state is kept in $STATE"
    else
        STATE=$TOP/.vecmesh
    fi
    mkdir -p "$STATE" || die "cannot make $STATE"
    STATE=$(cd "$STATE" && pwd)
    [ -O "$STATE" ] || die "$STATE belongs to another user: remove it, or set VECMESH_STATE"
    chmod a+rx "$STATE"
    LOGS=$STATE/log
    mkdir -p "$LOGS"
}

# One command at a time per state folder. The kernel drops the lock when we die, however we die.
take_lock() {
    exec 9>"$STATE/lock"
    if ! flock -n 9; then
        say "another ./run works in $STATE: waiting for it"
        flock 9
    fi
}

# server_folder PATH: makes a folder that the server's user may write.
server_folder() {
    mkdir -p "$1"
    if is_root; then chown postgres "$1"; fi
}

# server_tree: prints a place where the server's user can read regress/ and tests/.
server_tree() {
    if ! is_root || runuser -u postgres -- test -r "$TOP/tests/lib/common.sh"; then
        echo "$TOP"
        return
    fi
    rm -rf "$STATE/tree"
    mkdir -p "$STATE/tree"
    (cd "$TOP" && tar -cf - --exclude=./.git --exclude=./.vecmesh --exclude=./build .) |
        (cd "$STATE/tree" && tar -xf -)
    chmod -R a+rX "$STATE/tree"
    echo "$STATE/tree"
}

# quietly LOG COMMAND…: runs it with its output in LOG; on failure shows the end and fails.
quietly() {
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        warn "failed: $*"
        tail -n 40 "$log" >&2
        warn "the whole log: $log"
        return 1
    fi
}
