# SPDX-License-Identifier: PostgreSQL
#
# A PostgreSQL that checks itself, and the suites on it: `./run test assert` and `./run test valgrind`. It is made
# here once, from Debian's source: Debian's own package has no assertions. Sourced by ./run.

PACKAGES_CHECKED=(dpkg-dev gcc make bison flex libreadline-dev zlib1g-dev valgrind libipc-run-perl)

# The server, and what is installed for it, lies in STATE/checked/postgresql; `made` there tells that it is whole.
checked_folder() { echo "$STATE/checked/postgresql"; }

# make_checked_postgresql: does nothing when it is there; then no network is needed.
make_checked_postgresql() {
    local prefix folder=$STATE/checked
    prefix=$(checked_folder)
    if [ -e "$prefix/made" ]; then return; fi
    need_packages "${PACKAGES_CHECKED[@]}"
    rm -rf "$folder"
    mkdir -p "$folder/source"
    title "Making a PostgreSQL with assertions in $prefix (a few minutes, once)"
    quietly "$LOGS/checked-source.log" fetch_postgresql_source "$folder" || return 1
    quietly "$LOGS/checked-build.log" compile_postgresql "$folder"/source/postgresql-15-*/ "$prefix" || return 1
    cp "$folder"/source/postgresql-15-*/src/tools/valgrind.supp "$prefix/"
    touch "$prefix/made"
}

# fetch_postgresql_source FOLDER: unpacked in FOLDER/source. The machine's own lists of sources stay as they are:
# apt is shown a copy of Debian's that names source packages. A mirror may not have the newest one's files: then an
# older one will do.
fetch_postgresql_source() {
    local folder=$1 list version
    mkdir -p "$folder/apt/lists/partial"
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        if grep -qs 'debian\.org/debian' "$list"; then
            sed -E 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' "$list" >"$folder/apt/$(basename "$list")"
        fi
    done
    local options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$folder/apt"
        -o "Dir::State::lists=$folder/apt/lists" -o APT::Sandbox::User=root -q)
    apt-get "${options[@]}" update || return 1
    for version in $(apt-cache "${options[@]}" madison postgresql-15 | cut -d'|' -f2 | sort -urV); do
        if (cd "$folder/source" && apt-get "${options[@]}" source "postgresql-15=$version"); then return; fi
    done
    return 1
}

# compile_postgresql SOURCE PREFIX: with USE_VALGRIND the server tells valgrind, if it runs under it, which memory and
# which buffers may be read. The header is where extensions see that, too. Debian's source would put modules into the
# machine's own PostgreSQL, whatever the prefix.
compile_postgresql() {
    local compiler=gcc
    if have ccache; then compiler='ccache gcc'; fi
    sed -i 's|^/\* #define USE_VALGRIND \*/|#define USE_VALGRIND|' "$1/src/include/pg_config_manual.h"
    sed -i 's|^override pkglibdir := /usr.*|override pkglibdir := $(libdir)/postgresql|' "$1/src/Makefile.global.in"
    (cd "$1" && ./configure --prefix="$2" --enable-cassert --enable-debug --enable-tap-tests CC="$compiler" \
        CFLAGS='-O1 -g -fno-omit-frame-pointer' &&
        make -s -j"$(nproc)" world-bin && make -s install-world-bin)
}

# use_checked_postgresql: makes, if need be, the server and the build that check themselves, and chooses them. For
# a function that has PG_CONFIG, PG_BIN, PG_TESTS, PATH and BUILD of its own: for others all stays as it was.
use_checked_postgresql() {
    make_checked_postgresql || return 1
    PG_CONFIG=$(checked_folder)/bin/pg_config
    find_postgresql
    build_and_install checked
}

# ---- assertions ----------------------------------------------------------------------------------

suite_assert() {
    local PG_CONFIG PG_BIN PG_TESTS PATH=$PATH BUILD
    if use_checked_postgresql; then run_suites regress isolation tap cluster; else record assert 0 1; fi
}

# ---- valgrind ------------------------------------------------------------------------------------

# The regression tests on a server that runs under valgrind: for the better part of an hour.
suite_valgrind() {
    local PG_CONFIG PG_BIN PG_TESTS PATH=$PATH BUILD
    if use_checked_postgresql; then run_valgrind; else record valgrind 0 1; fi
}

run_valgrind() {
    local tree SERVER_PROGRAM
    # everything takes 50 times as long, to connect, too
    local SERVER_SETTINGS=("authentication_timeout = 10min" "vecmesh.connect_timeout = 600000" "autovacuum_naptime = 10min")
    tree=$(server_tree)
    SERVER_PROGRAM=$tree/tests/lib/valgrind_postgres.sh
    export VALGRIND_POSTGRES=$PG_BIN/postgres VALGRIND_LOGS=$STATE/valgrind
    export VALGRIND_SUPPRESSIONS="$(checked_folder)/valgrind.supp $tree/tests/lib/valgrind.supp"
    rm -rf "$VALGRIND_LOGS"
    server_folder "$VALGRIND_LOGS"
    suite_regress
    count_valgrind_errors
}

# Every process of the server is one test.
count_valgrind_errors() {
    local bad all
    bad=$({ grep -ls VALGRINDERROR-BEGIN "$VALGRIND_LOGS"/*.log || true; } | wc -l)
    all=$(find "$VALGRIND_LOGS" -name '*.log' | wc -l)
    if [ "$all" = 0 ]; then
        warn "no process ran under valgrind"
        bad=1 all=1
    elif [ "$bad" != 0 ]; then
        warn "valgrind found errors; the first of them:"
        grep -h -A 40 -m 1 VALGRINDERROR-BEGIN "$VALGRIND_LOGS"/*.log | head -n 120 >&2 || true
        warn "all of them: $VALGRIND_LOGS"
    fi
    record valgrind $((all - bad)) "$bad"
}
