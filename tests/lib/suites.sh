# SPDX-License-Identifier: PostgreSQL
#
# The test suites and their sum. Each suite calls record once (or several times); a suite that
# cannot even start counts as one failure. Sourced by ./run.

PASSED=0 FAILED=0 SKIPPED=0

# record SUITE PASSED FAILED [SKIPPED]
record() {
    local colour=$GREEN
    if [ "$3" != 0 ]; then colour=$RED; fi
    PASSED=$((PASSED + $2)) FAILED=$((FAILED + $3)) SKIPPED=$((SKIPPED + ${4:-0}))
    printf '%s%-12s %s passed, %s failed%s%s\n' "$colour" "$1" "$2" "$3" \
        "$([ "${4:-0}" = 0 ] || echo ", $4 skipped")" "$PLAIN"
}

# count PATTERN FILE: lines that match; 0 when the file is missing.
count() {
    if [ -e "$2" ]; then grep -cE -- "$1" "$2" || true; else echo 0; fi
}

# ---- checks of the repository --------------------------------------------------------------------

suite_checks() {
    local script passed=0 failed=0
    title "Checks"
    for script in "$TOP"/tests/checks/*; do
        if (cd "$TOP" && BUILD=$BUILD "$script") >"$LOGS/check.log" 2>&1; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            warn "tests/checks/$(basename "$script"):"
            head -n 60 "$LOGS/check.log" >&2
        fi
    done
    record checks "$passed" "$failed"
}

# ---- GoogleTest ----------------------------------------------------------------------------------

suite_unit() {
    title "Unit tests"
    run_googletest unit "$BUILD/tests/vecmesh_unit_tests"
}

# The same cases under the address and undefined-behaviour sanitizers.
suite_sanitize() {
    local release=$BUILD
    title "Unit tests under sanitizers"
    if build sanitize; then
        run_googletest sanitize "$BUILD/tests/vecmesh_unit_tests"
    else
        record sanitize 0 1
    fi
    BUILD=$release
}

# A crash ends the program without its summary: that is one failure more.
run_googletest() {
    local log=$LOGS/$1.log status=0 passed failed skipped
    "$2" --gtest_color=no >"$log" 2>&1 || status=$?
    passed=$(count '^\[       OK \]' "$log")
    failed=$(count '^\[  FAILED  \] .*\([0-9]+ ms\)$' "$log")
    skipped=$(count '^\[  SKIPPED \] .*\([0-9]+ ms\)$' "$log")
    if [ "$status" != 0 ]; then
        if [ "$failed" = 0 ]; then failed=1; fi
        grep -vE '^\[( RUN|       OK|-----)' "$log" | tail -n 60 >&2
    fi
    record "$1" "$passed" "$failed" "$skipped"
}

# ---- pg_regress and pg_isolation_regress ---------------------------------------------------------

SERVER_SETTINGS=() # of all these servers

# with_test_server NAME FUNCTION [SETTING…]: runs FUNCTION with PORT of a fresh server.
with_test_server() {
    local name=$1 body=$2 folder=$STATE/test/$1
    shift 2
    use_password
    stop_server "$folder" immediate 2>/dev/null || true # one left by a killed run
    rm -rf "$folder" "$folder.log"
    PORT=$(free_port "${VECMESH_PORT:-5700}")
    if make_server "$folder" "$PORT" "fsync = off" "client_min_messages = notice" \
        "log_statement = none" "${SERVER_SETTINGS[@]}" "$@" && start_server "$folder"; then
        "$body"
        if grep -nE 'TRAP:|PANIC:|was terminated by signal' "$folder.log" >"$LOGS/crash.log"; then
            warn "the server of suite $name crashed:"
            cat "$LOGS/crash.log" >&2
            tail -n 40 "$folder.log" >&2
            record "$name" 0 1
        fi
        stop_server "$folder" immediate
    else
        record "$name" 0 1
    fi
}

suite_regress() {
    title "Regression tests"
    if [ -e "$TOP/regress/schedule" ]; then with_test_server regress run_regress; fi
    if [ -x "$TOP/regress/run.sh" ]; then
        with_test_server vecmesh run_vecmesh_regress "shared_preload_libraries = 'vecmesh'"
    fi
}

run_regress() {
    if ! install_test_modules; then
        record regress 0 1
        return
    fi
    pg_regress regress "$PG_TESTS/regress/pg_regress" --inputdir="$TOP/regress" \
        --schedule="$TOP/regress/schedule" --load-extension=vector --dbname=regression
}

# regress/run.sh makes the worker databases on the server it is given, and knows its schedule.
run_vecmesh_regress() {
    export PGHOST=127.0.0.1 PGPORT=$PORT PGUSER=postgres
    pg_regress vecmesh "$TOP/regress/run.sh" vecmesh
    unset PGHOST PGPORT PGUSER
}

suite_isolation() {
    title "Isolation tests"
    if compgen -G "$TOP/regress/isolation/specs/*.spec" >/dev/null; then
        with_test_server isolation run_isolation
    else
        note "there are none in this tree"
    fi
}

run_isolation() {
    local specs
    specs=$(cd "$TOP/regress/isolation/specs" && ls -- *.spec | sed 's/\.spec$//')
    # shellcheck disable=SC2086
    pg_regress isolation "$PG_TESTS/isolation/pg_isolation_regress" --load-extension=vector \
        --dbname=isolation --inputdir="$TOP/regress/isolation" $specs
}

# pg_regress NAME PROGRAM OPTION…: runs it against PORT and counts its verdicts (both the form up to
# PostgreSQL 15 and the TAP form of 16).
pg_regress() {
    local name=$1 output=$STATE/test/$1.out log=$LOGS/$1.log status=0 passed failed
    shift
    rm -rf "$output"
    mkdir -p "$output"
    "$@" --outputdir="$output" --bindir="$PG_BIN" --host=127.0.0.1 --port="$PORT" --user=postgres \
        >"$log" 2>&1 || status=$?
    passed=$(count '(\.\.\. ok( |$)|^ok [0-9])' "$log")
    failed=$(count '(\.\.\. FAILED|^not ok [0-9])' "$log")
    if [ "$status" != 0 ]; then
        if [ "$failed" = 0 ]; then
            failed=1
            tail -n 20 "$log" >&2
        fi
        cat "$output/regression.diffs" >&2 2>/dev/null || true
        warn "end of the server's log:"
        tail -n 20 "$STATE/test/$name.log" >&2 || true
    fi
    record "$name" "$passed" "$failed"
}

# ---- TAP -----------------------------------------------------------------------------------------

suite_tap() {
    title "TAP tests (one server)"
    run_tap tap "$TOP"/tests/tap/[0-9][0-9][0-9]_[!v]*.pl
}

suite_cluster() {
    title "TAP tests (cluster)"
    run_tap cluster "$TOP"/tests/tap/[0-9][0-9][0-9]_vecmesh_*.pl
}

# run_tap SUITE FILE…: each file in a folder of its own, so that its logs stay readable.
run_tap() {
    local suite=$1 file tree
    shift
    if [ ! -e "$1" ]; then note "there are none in this tree"; fi
    tree=$(server_tree)
    for file in "$@"; do
        if [ -e "$file" ]; then run_tap_file "$suite" "$tree/tests/tap/$(basename "$file")"; fi
    done
}

run_tap_file() {
    local name folder log status=0 passed failed skipped
    name=$(basename "$2" .pl)
    folder=$STATE/test/$1/$name log=$LOGS/$name.log
    rm -rf "$folder"
    server_folder "$STATE/test/$1"
    server_folder "$folder"
    as_server env -u PGPASSFILE PATH="$PATH" TESTDIR="$folder" PG_REGRESS="$PG_TESTS/regress/pg_regress" \
        PG_CONFIG="$PG_CONFIG" PERL5LIB="$PG_TESTS/perl:$(dirname "$2")/../lib${PERL5LIB:+:$PERL5LIB}" \
        VECMESH_BUILD="$BUILD" perl "$(dirname "$2")/../lib/reap.pl" perl "$2" >"$log" 2>&1 </dev/null || status=$?
    passed=$(count '^ok [0-9]+' "$log")
    skipped=$(count '^(ok [0-9]+ # skip|1\.\.0 # SKIP)' "$log")
    failed=$(count '^not ok [0-9]+( - .*)?$' "$log")
    failed=$((failed - $(count '^not ok .*# TODO' "$log")))
    passed=$((passed - $(count '^ok [0-9]+ # skip' "$log")))
    # The servers are made to crash here; by an assertion they never are.
    if as_server grep -rh --include='*.log' 'TRAP:' "$folder" >&2; then failed=$((failed + 1)); fi
    if [ "$status" != 0 ] || [ "$failed" != 0 ]; then
        if [ "$failed" = 0 ]; then failed=1; fi
        tail -n 60 "$log" >&2
        as_server find "$folder" -name '*.log' -size +0 -exec tail -n 25 {} + >&2 || true
    else
        as_server rm -rf "$folder"
    fi
    record "$name" "$passed" "$failed" "$skipped"
}

# ---- docker --------------------------------------------------------------------------------------

suite_docker() {
    local status=0 passed failed
    title "Docker"
    if ! docker_usable; then
        note "no docker engine can be used here: the docker test is skipped"
        record docker 0 0 1
        return
    fi
    need_docker_packages
    (cd "$TOP" && env -u VECMESH_PORT docker/test.sh) >"$LOGS/docker.log" 2>&1 9>&- || status=$?
    passed=$(count '^ok [0-9]' "$LOGS/docker.log")
    failed=$(count '^not ok [0-9]' "$LOGS/docker.log")
    if [ "$status" != 0 ]; then
        if [ "$failed" = 0 ]; then failed=1; fi
        tail -n 60 "$LOGS/docker.log" >&2
    fi
    record docker "$passed" "$failed"
}

docker_usable() {
    have docker && timeout 20 docker info >/dev/null 2>&1
}

# What docker/test.sh needs beside the engine.
need_docker_packages() {
    if ! docker compose version >/dev/null 2>&1 && ! have docker-compose; then
        need_packages docker-compose
    fi
    if ! docker image inspect debian:bookworm-slim >/dev/null 2>&1; then
        need_packages debootstrap # docker/make-base.sh falls back on it without a registry
    fi
}

# ---- all -----------------------------------------------------------------------------------------

# run_suites SUITE…
run_suites() {
    local suite
    for suite in "$@"; do "suite_$suite"; done
}

# The default; assert and valgrind take too long for it.
ALL_SUITES=(checks unit sanitize regress isolation tap cluster docker campaign)

command_test() {
    local suites=("$@") suite
    if [ ${#suites[@]} = 0 ]; then suites=("${ALL_SUITES[@]}"); fi
    for suite in "${suites[@]}"; do
        [ "$(type -t "suite_$suite")" = function ] || die "no suite '$suite': ${ALL_SUITES[*]} assert valgrind"
    done
    need_packages "${PACKAGES_SERVER[@]}" "${PACKAGES_BUILD[@]}" "${PACKAGES_TAP[@]}" \
        "${PACKAGES_CHECK[@]}"
    find_postgresql
    if build release && { [ "${suites[*]}" = unit ] || install_extensions; }; then
        run_suites "${suites[@]}"
    else
        record build 0 1
    fi
    printf '\n%s passed, %s failed%s\n' "$PASSED" "$FAILED" \
        "$([ "$SKIPPED" = 0 ] || echo ", $SKIPPED skipped")"
    [ "$FAILED" = 0 ]
}
