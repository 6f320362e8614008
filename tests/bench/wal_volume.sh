#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# How much WAL does an inserted row cost, and which part of it is the index's?
#
#   tests/bench/wal_volume.sh CONNECTION
#
# For every vector index method of that server and both values of vector.wal_mode: a table of
# random rows is indexed, more rows are inserted, and the WAL written meanwhile is compared with
# that of the same inserts into a table without an index. The first change of a page after a
# checkpoint logs the page as a whole; to see what comes after that, the server must run with
# full_page_writes = off, and for the custom records with vector in shared_preload_libraries.
# `./run bench wal` starts such a server. DIMENSIONS, BUILT (rows under the index), ROWS (inserted)
# and LISTS change the amount.
set -euo pipefail

if [ $# != 1 ]; then
    sed -n '3,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
DIMENSIONS=${DIMENSIONS:-384}
BUILT=${BUILT:-10000}
ROWS=${ROWS:-2000}
LISTS=${LISTS:-50}

query() {
    PGOPTIONS='-c client_min_messages=warning' \
        psql -XqAt -v ON_ERROR_STOP=1 -d "$connection" <<<"$1"
}

# The WAL of ROWS inserts into a fresh copy of the table, per row. The position is that of the last
# record written, so nothing else may go on. [INDEX [MODE]]
bytes_per_row() {
    query "DROP TABLE IF EXISTS wal_rows;
           CREATE TABLE wal_rows AS SELECT v FROM wal_source WHERE id <= $BUILT"
    if [ $# -gt 0 ]; then
        query "CREATE INDEX ON wal_rows USING $1 (v vector_l2_ops)$(lists_of "$1")"
    fi
    query "CHECKPOINT"
    query "SET vector.wal_mode = ${2:-auto};
           SELECT pg_current_wal_insert_lsn() AS before \\gset
           INSERT INTO wal_rows SELECT v FROM wal_source WHERE id > $BUILT;
           SELECT ((pg_current_wal_insert_lsn() - :'before') / $ROWS)::int"
}

lists_of() {
    case $1 in ivf*) echo " WITH (lists = $LISTS)" ;; esac
}

connection=$1
if [ "$(query 'SHOW full_page_writes')" = on ]; then
    echo "full_page_writes is on: the figures contain images of whole pages" >&2
fi
query "CREATE EXTENSION IF NOT EXISTS vector"
query "LOAD 'vector'; SELECT setseed(0.5);
       DROP TABLE IF EXISTS wal_source;
       CREATE TABLE wal_source AS
         SELECT i AS id, (SELECT array_agg(random() - 0.5) FROM generate_series(1, $DIMENSIONS)
                          WHERE i > 0)::vector($DIMENSIONS) AS v
         FROM generate_series(1, $BUILT + $ROWS) i" >/dev/null
heap=$(bytes_per_row)
printf 'bytes of WAL per row: %s dimensions, %s rows inserted into %s; the table alone: %s\n' \
    "$DIMENSIONS" "$ROWS" "$BUILT" "$heap"
printf '%-12s %10s %10s %8s\n' 'index alone' generic custom ratio
for method in $(query "SELECT amname FROM pg_am WHERE amname IN ('ivfflat', 'ivfrabitq', 'hnsw') ORDER BY 1"); do
    generic=$(bytes_per_row "$method" generic)
    custom=$(bytes_per_row "$method" custom)
    awk -v m="$method" -v g=$((generic - heap)) -v c=$((custom - heap)) \
        'BEGIN { printf "%-12s %10d %10d %8.2f\n", m, g, c, g / c }'
done
query "DROP TABLE wal_source, wal_rows"
