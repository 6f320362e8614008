# SPDX-License-Identifier: PostgreSQL
#
# Benchmarks. Sourced by ./run.

command_bench() {
    need_packages "${PACKAGES_SERVER[@]}" "${PACKAGES_BUILD[@]}"
    find_postgresql
    build release || return 1
    local program=$BUILD/tests/kernel_bench
    [ -x "$program" ] || die "this tree builds no kernel benchmark"
    "$program" "$@"
}
