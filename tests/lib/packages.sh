# SPDX-License-Identifier: PostgreSQL
#
# Installs what is missing, and says so. Sourced by ./run.

PACKAGES_SERVER=(postgresql-15)
PACKAGES_BUILD=(postgresql-server-dev-15 libpq-dev cmake ninja-build g++ libfaiss-dev libblas-dev
    liblapack-dev libopenblas0-pthread libhnswlib-dev libpqxx-dev protobuf-compiler libprotobuf-dev zlib1g-dev
    libgtest-dev)
PACKAGES_TAP=(libipc-run-perl)
PACKAGES_CHECK=(clang-format binutils)

# need_packages NAME…: does nothing when all are there; asks nothing.
need_packages() {
    local missing=() package
    have dpkg-query || {
        note "not a Debian system: expecting these to be there: $*"
        return
    }
    for package in "$@"; do
        # A server chosen by PG_CONFIG brings its own headers.
        case $package in postgresql-*) if [ "$PG_CONFIG_GIVEN" ]; then continue; fi ;; esac
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then return; fi
    title "Installing packages: ${missing[*]}"
    install_packages "${missing[@]}"
}

install_packages() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y -q)
    local log=$LOGS/apt.log
    if ! as_root "${apt[@]}" install --no-install-recommends "$@" >"$log" 2>&1 </dev/null; then
        note "refreshing the package lists"
        quietly "$log" as_root "${apt[@]}" update </dev/null || return 1
        quietly "$log" as_root "${apt[@]}" install --no-install-recommends "$@" </dev/null
    fi
}

# The server to build for: PG_CONFIG, else Debian's PostgreSQL 15.
find_postgresql() {
    PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}
    [ -x "$PG_CONFIG" ] || die "no pg_config at $PG_CONFIG"
    PG_BIN=$("$PG_CONFIG" --bindir)
    PG_TESTS=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/../../src/test" && pwd)
    export PG_CONFIG PATH=$PG_BIN:$PATH
}
