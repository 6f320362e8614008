#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
#
# What `./run test valgrind` has pg_ctl start in place of postgres: the same, under valgrind. A process has a log
# of its own; an error in it stands between two lines that are easily searched for.
suppressions=
for file in $VALGRIND_SUPPRESSIONS; do suppressions="$suppressions --suppressions=$file"; done
# shellcheck disable=SC2086
exec valgrind --quiet --leak-check=no --trace-children=yes --num-callers=30 --gen-suppressions=all \
    --keep-debuginfo=yes --error-markers=VALGRINDERROR-BEGIN,VALGRINDERROR-END \
    --log-file="$VALGRIND_LOGS/%p.log" $suppressions "$VALGRIND_POSTGRES" "$@"
