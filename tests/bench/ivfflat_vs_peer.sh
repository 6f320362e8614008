#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# ivfflat, measured through SQL: build time, recall@10 and queries per second by probes, one client,
# prepared statements; and the same against a peer in the same minute, which is any server whose
# extension "vector" has an ivfflat.
#
#   tests/bench/ivfflat_vs_peer.sh DATA URL [PEER_URL]
#
# DATA is the prefix of the files DATA_X.bin and DATA_Q.bin (COPY BINARY of (id int4, v vector)) and
# DATA_gt.csv (query id, tab, {ids of its nearest rows, nearest first}). URLs are libpq
# connection strings of superusers; tables bench_x, bench_q, bench_gt are made there unless they
# exist. Settings are those of the servers; the same for both is up to you, and both are printed.
#
#   DIM=128 LISTS=1000 PROBES="1 5 10 20 50 100" SECONDS_EACH=5 ROUNDS=3 MEMORY=1GB WORKERS=2
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,17s/^# \{0,1\}//p' "$0"; exit 2; }
data=$1
urls=("${@:2:2}")
names=(ours peer)
: "${DIM:=128}" "${LISTS:=1000}" "${PROBES:=1 5 10 20 50 100}" "${SECONDS_EACH:=5}" "${ROUNDS:=3}"
: "${MEMORY:=1GB}" "${WORKERS:=2}"

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" "${@:2}"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

load() {
    if [ "$(sql "$1" -c "SELECT to_regclass('bench_x') IS NULL")" = f ]; then return; fi
    sql "$1" -c "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS vector" \
        -c "CREATE TABLE bench_x (id int, v vector($DIM))" \
        -c "CREATE TABLE bench_q (id int PRIMARY KEY, v vector($DIM))" \
        -c "CREATE TABLE bench_gt (query int PRIMARY KEY, nearest int[])"
    sql "$1" -c "\\copy bench_x FROM '${data}_X.bin' (FORMAT binary)"
    sql "$1" -c "\\copy bench_q FROM '${data}_Q.bin' (FORMAT binary)"
    sql "$1" -c "\\copy bench_gt FROM '${data}_gt.csv'"
    sql "$1" -c "VACUUM ANALYZE bench_x" -c "VACUUM ANALYZE bench_q" -c "CHECKPOINT"
}

# build URL: seconds
build() {
    local begin end
    sql "$1" -c "DROP INDEX IF EXISTS bench_x_v" -c "CHECKPOINT"
    begin=$(date +%s.%N)
    sql "$1" -c "SET maintenance_work_mem = '$MEMORY'" \
        -c "SET max_parallel_maintenance_workers = $WORKERS" \
        -c "CREATE INDEX bench_x_v ON bench_x USING ivfflat (v vector_l2_ops) WITH (lists = $LISTS)"
    end=$(date +%s.%N)
    echo "$begin $end" | awk '{ printf "%.2f\n", $2 - $1 }'
}

# recall URL PROBES: the share of the true 10 nearest that the index finds
recall() {
    sql "$1" -c "SET enable_seqscan = off" -c "SET ivfflat.probes = $2" -c "
        SELECT round(avg(share), 4) FROM bench_q q
        JOIN bench_gt t ON t.query = q.id
        CROSS JOIN LATERAL (SELECT count(*) / 10.0 AS share FROM
            (SELECT id FROM bench_x ORDER BY v <-> q.v LIMIT 10) found
            WHERE found.id = ANY (t.nearest[1:10])) s"
}

# qps URL PROBES
qps() {
    PGOPTIONS="-c ivfflat.probes=$2 -c enable_seqscan=off" \
        pgbench -n -M prepared -c 1 -T "$SECONDS_EACH" -f "$script" "$1" 2>/dev/null |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

script=$(mktemp)
trap 'rm -f "$script"' EXIT
cat >"$script" <<'SQL'
\set id random(0, 999)
SELECT id FROM bench_x ORDER BY v <-> (SELECT v FROM bench_q WHERE id = :id) LIMIT 10;
SQL

echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(free -g | awk '/^Mem/ { print $2 }') GB"
for i in "${!urls[@]}"; do
    load "${urls[i]}"
    sql "${urls[i]}" -F ', ' -c "
        SELECT '${names[i]}: vector ' || extversion || ', PostgreSQL ' || current_setting('server_version')
            || ', shared_buffers ' || current_setting('shared_buffers') FROM pg_extension WHERE extname = 'vector'"
done
echo "maintenance_work_mem $MEMORY, max_parallel_maintenance_workers $WORKERS, lists $LISTS"

if [ "${SKIP_BUILD:-}" = "" ]; then
    for i in "${!urls[@]}"; do
        seconds=$(build "${urls[i]}")
        size=$(sql "${urls[i]}" -c "SELECT pg_size_pretty(pg_relation_size('bench_x_v'))")
        printf 'build %-5s %8s s  %s\n' "${names[i]}" "$seconds" "$size"
    done
fi
for i in "${!urls[@]}"; do
    sql "${urls[i]}" -c "CREATE EXTENSION IF NOT EXISTS pg_prewarm" -c "SELECT pg_prewarm('bench_x_v')" \
        -c "SELECT pg_prewarm('bench_x')" >/dev/null 2>&1 || true
done

printf '%7s' probes
for i in "${!urls[@]}"; do printf '  %10s %10s' "recall" "${names[i]} q/s"; done
[ ${#urls[@]} = 1 ] && echo || printf '  %6s\n' ratio
for p in $PROBES; do
    printf '%7s' "$p"
    declare -a rates=("" "")
    for ((round = 0; round < ROUNDS; round++)); do # rounds interleave the servers
        for i in "${!urls[@]}"; do rates[i]+="$(qps "${urls[i]}" "$p")"$'\n'; done
    done
    for i in "${!urls[@]}"; do
        rates[i]=$(grep . <<<"${rates[i]}" | median)
        printf '  %10s %10.1f' "$(recall "${urls[i]}" "$p" | tail -n 1)" "${rates[i]}"
    done
    [ ${#urls[@]} = 1 ] && echo || awk -v a="${rates[0]}" -v b="${rates[1]}" 'BEGIN { printf "  %6.2f\n", a / b }'
done
