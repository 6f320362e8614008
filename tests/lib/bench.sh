# SPDX-License-Identifier: PostgreSQL
#
# Benchmarks. Sourced by ./run.

bench_help() {
    cat <<END
usage: ./run bench ann [--url URL] [--peer URL]… [OPTION…]
                   | kernels [OPTION…] | build [DIM [LISTS [TRAIN_ROWS [ASSIGN_ROWS]]]]
                   | offline [OPTION…] | wal [OPTION…]
                   | ivfflat DATA URL [PEER_URL] | input URL [PEER_URL]

  ann      ivfrabitq through SQL, and pgvector's hnsw and ivfflat beside it: recall, queries per
           second, building, filters, inserts, growth, cold starts; a JSON and a picture
           (options: tests/bench/ann_bench.cpp). Without --url it measures a server made for it,
           and is little more than a trial: --quick, or sizes of your own, go with that
  kernels  what the distance kernels read per second, beside this machine's memory
           (options of google-benchmark, e.g. --benchmark_filter=l2_squared_batch/avx2)
  build    how long the training of an ivfflat index takes
  offline  the search of ivfrabitq in this process, without PostgreSQL: where its microseconds go
           (options: tests/bench/ann_offline.cpp)
  wal      bytes of WAL of builds, inserts and vacuums, by access method and vector.wal_mode, with
           --peer URL beside pgvector's (options: wal --help). Without --url on a server made for it
  ivfflat  build time, recall and queries per second through SQL, by probes
  input    how fast the text form of vectors is read

ivfflat and input measure running servers, named by libpq connection strings; with a second one, which
may run pgvector, they print ratios (tests/bench/ivfflat_vs_peer.sh, tests/bench/input_speed.sh).
END
}

command_bench() {
    local what=${1:-}
    shift || true
    case $what in
    ann | kernels | build | offline | wal) ;;
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
    if [ "$what" = wal ]; then need_packages "${PACKAGES_CAMPAIGN[@]}"; fi
    find_postgresql
    build release || return 1
    case $what in
    ann) bench_ann "$@" ;;
    kernels) "$BUILD/tests/vecmesh_kernel_bench" "$@" ;;
    wal) bench_wal "$@" ;;
    offline)
        "$BUILD/tests/vecmesh_ann_offline" --library "$BUILD/extension/build/vector_build.so" \
            --glosses "$TOP/tests/data/glosses" "$@"
        ;;
    build) "$BUILD/tests/vecmesh_build_bench" "$BUILD/extension/build/vector_build.so" "$@" ;;
    esac
}

# bench_wal OPTION…: on the server that --url names, or on one of our own.
bench_wal() {
    WAL_OPTIONS=(--glosses "$TOP/tests/data/glosses" --commit "$(this_commit)" "$@")
    case " $* " in
    *" --url "* | *" --help "*) run_wal ;;
    *)
        install_extensions
        with_test_server wal run_wal_here "shared_preload_libraries = 'vector'" "shared_buffers = 1GB" \
            "maintenance_work_mem = 1GB" "max_wal_size = 16GB" "checkpoint_timeout = 1h" "jit = off" \
            "autovacuum = off"
        ;;
    esac
}

run_wal() { PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$TOP/tests/bench/wal_volume.py" "${WAL_OPTIONS[@]}"; }

run_wal_here() {
    WAL_OPTIONS+=(--url "host=127.0.0.1 port=$PORT user=postgres dbname=postgres")
    run_wal
}

this_commit() { git -C "$TOP" describe --always --dirty 2>/dev/null || echo unknown; }

# bench_ann OPTION…: on the servers that --url and --peer name, or on one of our own.
bench_ann() {
    ANN_OPTIONS=(--glosses "$TOP/tests/data/glosses" --commit "$(this_commit)" "$@")
    case " $* " in
    *" --url "*) run_ann ;;
    *)
        install_extensions
        with_test_server ann run_ann_here "shared_buffers = 1GB" "maintenance_work_mem = 1GB" \
            "max_wal_size = 4GB" "jit = off" "autovacuum = off"
        ;;
    esac
}

run_ann() { "$BUILD/tests/vecmesh_ann_bench" "${ANN_OPTIONS[@]}"; }

run_ann_here() {
    ANN_OPTIONS+=(--url "host=127.0.0.1 port=$PORT user=postgres dbname=postgres")
    run_ann
}
