# SPDX-License-Identifier: PostgreSQL
#
# Benchmarks. Sourced by ./run.

bench_help() {
    cat <<END
usage: ./run bench kernels [OPTION…] | build [DIM [LISTS [TRAIN_ROWS [ASSIGN_ROWS]]]]

  kernels  what the distance kernels read per second, beside this machine's memory
           (options of google-benchmark, e.g. --benchmark_filter=l2_squared_batch/avx2)
  build    how long the training of an ivfflat index takes
END
}

command_bench() {
    local what=${1:-}
    shift || true
    case $what in
    kernels | build) ;;
    help | --help | -h)
        bench_help
        return
        ;;
    *)
        bench_help >&2
        exit 2
        ;;
    esac
    need_packages "${PACKAGES_SERVER[@]}" "${PACKAGES_BUILD[@]}" libbenchmark-dev
    find_postgresql
    build release || return 1
    case $what in
    kernels) "$BUILD/tests/vecmesh_kernel_bench" "$@" ;;
    build) "$BUILD/tests/vecmesh_build_bench" "$BUILD/extension/build/vector_build.so" "$@" ;;
    esac
}
