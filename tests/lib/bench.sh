# SPDX-License-Identifier: PostgreSQL
#
# Benchmarks. Sourced by ./run.

bench_help() {
    cat <<END
usage: ./run bench kernels [OPTION…] | build [DIM [LISTS [TRAIN_ROWS [ASSIGN_ROWS]]]]
                   | offline [OPTION…] | ivfflat DATA URL [PEER_URL] | input URL [PEER_URL]

  kernels  what the distance kernels read per second, beside this machine's memory
           (options of google-benchmark, e.g. --benchmark_filter=l2_squared_batch/avx2)
  build    how long the training of an ivfflat index takes
  offline  the search of ivfrabitq in this process, without PostgreSQL: where its microseconds go
           (options: tests/bench/ann_offline.cpp)
  ivfflat  build time, recall and queries per second through SQL, by probes
  input    how fast the text form of vectors is read

The last two measure running servers, named by libpq connection strings; with a second one, which
may run pgvector, they print ratios (tests/bench/ivfflat_vs_peer.sh, tests/bench/input_speed.sh).
END
}

command_bench() {
    local what=${1:-}
    shift || true
    case $what in
    kernels | build | offline) ;;
    ivfflat) exec "$TOP/tests/bench/ivfflat_vs_peer.sh" "$@" ;;
    input) exec "$TOP/tests/bench/input_speed.sh" "$@" ;;
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
    offline)
        "$BUILD/tests/vecmesh_ann_offline" --library "$BUILD/extension/build/vector_build.so" \
            --glosses "$TOP/tests/data/glosses" "$@"
        ;;
    build) "$BUILD/tests/vecmesh_build_bench" "$BUILD/extension/build/vector_build.so" "$@" ;;
    esac
}
