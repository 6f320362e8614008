#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# What the server libraries export: the module magic, _PG_init, and pairs of pg_finfo_X and X; from
# vector_build.so its one API function besides, and from vector.so the entry of parallel workers.
# Anything else would clash with another extension's
# symbol one day (rule B16). When this fails: give the symbol hidden visibility, or make the
# function by VX_FUNCTION.
set -euo pipefail
status=0
for library in extension/vector distribution/vecmesh extension/build/vector_build; do
    file=$BUILD/$library.so
    extra=$(nm -D --defined-only "$file" | awk '
        { name[$3] = 1 }
        END {
            for (n in name)
                if (n !~ /^(Pg_magic_func|_PG_init|vx_build_api|ivfrabitq_build_worker|pg_finfo_.*)$/ && !("pg_finfo_" n in name))
                    print n
        }')
    if [ -n "$extra" ]; then
        printf '%s exports:\n%s\n' "$file" "$extra"
        status=1
    fi
done
exit $status
