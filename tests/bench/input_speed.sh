#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# How fast does a server read the text form of vectors? With two servers: how many times faster is
# the first one? The second may run pgvector, whose SQL is the same.
#
#   tests/bench/input_speed.sh 'dbname=bench port=5432' 'dbname=bench port=5433'
#
# Both get identical texts (seeded random numbers of an embedding's size, printed as float4 and as
# float8) in a temporary table that is neither compressed nor, after the first run, read from disk.
# Measured, best of several runs, the servers taking turns:
#   cast    select count(vector_dims(t::vector))   detoast + vector_in
#   detoast select count(ascii(t))                 what of that is not ours
#   out     select sum(length(v::text))            vector_out
#   copy    \copy into a temporary table from a file of the same texts; copy-text: into a column
#           of type text, which is what of that is not ours
# Needs the right to make temporary tables, and the extension if it is not there. ROWS, DIMENSIONS
# and ROUNDS change the amount.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    sed -n '3,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
ROWS=${ROWS:-2000}
DIMENSIONS=${DIMENSIONS:-768}
ROUNDS=${ROUNDS:-7}
FOLDER=$(mktemp -d)
chmod 755 "$FOLDER"
trap 'rm -rf "$FOLDER"' EXIT

# One session per server, kept open, so that the runs can take turns.
open_session() { # index connection
    mkfifo "$FOLDER/in$1" "$FOLDER/out$1"
    psql -XqAt -v ON_ERROR_STOP=1 -d "$2" <"$FOLDER/in$1" >"$FOLDER/out$1" 2>&1 &
    eval "exec {to_$1}>'$FOLDER/in$1' {from_$1}<'$FOLDER/out$1'"
}

ask() { # index sql… : prints what the server answers
    local to=to_$1 from=from_$1 line
    shift
    printf '%s\n\\echo --done--\n' "$*" >&"${!to}"
    while IFS= read -r line <&"${!from}"; do
        [ "$line" = --done-- ] && return
        printf '%s\n' "$line"
    done
    echo "the session ended" >&2
    return 1
}

milliseconds() { # index sql
    ask "$1" "\\timing on
$2
\\timing off" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -1
}

prepare() { # index
    ask "$1" "
\\set QUIET on
set client_min_messages = warning;
create extension if not exists vector;
set max_parallel_workers_per_gather = 0;
set jit = off;
set temp_buffers = '512MB';
select setseed(0.5);
create temp table input_real (t text);
create temp table input_double (t text);
alter table input_real alter t set storage external;
alter table input_double alter t set storage external;
with numbers as materialized (
  select row, (random() - 0.5) / sqrt($DIMENSIONS) * 4 as x
  from generate_series(1, $ROWS) row, generate_series(1, $DIMENSIONS))
, both_forms as (
  select '[' || string_agg(x::real::text, ',') || ']' as r, '[' || string_agg(x::text, ',') || ']' as d
  from numbers group by row order by row)
, reals as (insert into input_real select r from both_forms)
insert into input_double select d from both_forms;
create temp table target (v vector($DIMENSIONS));
insert into target select t::vector from input_real;
\\copy input_real to '$FOLDER/real$1.txt'
\\copy input_double to '$FOLDER/double$1.txt'
select 'server ' || current_setting('server_version') || ', vector ' || extversion
  from pg_extension where extname = 'vector';
" | sed '/^$/d'
}

names=(cast-real cast-double detoast-real out copy-real copy-double copy-text)
statement() { # index name
    case $2 in
    cast-real) echo "select count(vector_dims(t::vector)) from input_real;" ;;
    cast-double) echo "select count(vector_dims(t::vector)) from input_double;" ;;
    detoast-real) echo "select count(ascii(t)) from input_real;" ;;
    out) echo "select sum(length(v::text)) from target;" ;;
    copy-real) echo "\\copy copied from '$FOLDER/real$1.txt'" ;;
    copy-text) echo "\\copy copied_text from '$FOLDER/real$1.txt'" ;;
    copy-double) echo "\\copy copied from '$FOLDER/double$1.txt'" ;;
    esac
}

servers=$#
for ((s = 1; s <= servers; s++)); do
    open_session "$s" "${!s}"
    prepare "$s"
done
if [ "$servers" = 2 ]; then
    cmp "$FOLDER/real1.txt" "$FOLDER/real2.txt"
    cmp "$FOLDER/double1.txt" "$FOLDER/double2.txt"
fi

declare -A best
for ((round = 0; round < ROUNDS; round++)); do
    for name in "${names[@]}"; do
        for ((s = 1; s <= servers; s++)); do
            ask "$s" "drop table if exists copied, copied_text;
create temp table copied (v vector($DIMENSIONS));
create temp table copied_text (t text);
alter table copied_text alter t set storage external;" >/dev/null
            ms=$(milliseconds "$s" "$(statement "$s" "$name")")
            old=${best[$s.$name]:-}
            if [ -z "$old" ] || awk "BEGIN { exit !($ms < $old) }"; then best[$s.$name]=$ms; fi
        done
    done
done

echo "$ROWS rows of $DIMENSIONS dimensions, best of $ROUNDS, milliseconds"
for name in "${names[@]}"; do
    first=${best[1.$name]}
    second=${best[2.$name]:-}
    awk -v name="$name" -v a="$first" -v b="$second" -v n="$ROWS" -v d="$DIMENSIONS" 'BEGIN {
        printf "%-13s %9.2f  (%6.2f ns per number)", name, a, a * 1e6 / n / d
        if (b != "") printf "  %9.2f  ratio %5.2f", b, b / a
        printf "\n" }'
done
