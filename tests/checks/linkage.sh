#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# What the server libraries load. vector.so and vecmesh.so may be in the postmaster, whose fork no
# thread survives: no OpenMP, BLAS or faiss there (vector_build.so is for those). libpqxx and
# protobuf are for the command-line tool alone.
set -euo pipefail
status=0

# allow LIBRARY PATTERN: every NEEDED entry matches.
allow() {
    local extra
    extra=$(readelf -d "$BUILD/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE "^($2)\.so" || true)
    if [ -n "$extra" ]; then
        printf '%s needs:\n%s\n' "$1" "$extra"
        status=1
    fi
}
base='libstdc\+\+|libgcc_s|libm|libc|ld-linux-x86-64'
allow extension/vector.so "$base"
allow distribution/vecmesh.so "$base|libpq"
allow extension/build/vector_build.so "$base|libgomp|libfaiss|lib(open)?blas|liblapack|libgfortran"
exit $status
