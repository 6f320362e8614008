#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# A test that no schedule names never runs. Every regress/sql/NAME.sql is in one of the schedules and
# has its expected output, every spec has one, and every TAP file has a name that ./run finds.
set -euo pipefail
shopt -s nullglob
status=0
complain() {
    echo "$*"
    status=1
}

scheduled=$(cat regress/*schedule 2>/dev/null | sed -n 's/^test: *//p' | tr -s ' ' '\n')
for file in regress/sql/*.sql; do
    name=$(basename "$file" .sql)
    grep -qx "$name" <<<"$scheduled" || complain "$file is in no regress/*schedule"
done
for name in $scheduled; do
    [ -e "regress/sql/$name.sql" ] || complain "a schedule names $name, but there is no regress/sql/$name.sql"
    [ -e "regress/expected/$name.out" ] || complain "there is no regress/expected/$name.out"
done
twice=$(sort <<<"$scheduled" | uniq -d)
[ -z "$twice" ] || complain "scheduled twice: $twice"
for file in regress/expected/*.out; do
    name=$(basename "$file" .out)
    [ -e "regress/sql/$name.sql" ] || [ -e "regress/sql/${name%_[0-9]}.sql" ] ||
        complain "$file belongs to no regress/sql file"
done

for file in regress/isolation/specs/*.spec; do
    name=$(basename "$file" .spec)
    [ -e "regress/isolation/expected/$name.out" ] || complain "there is no regress/isolation/expected/$name.out"
done
for file in tests/tap/*.pl; do
    [[ $(basename "$file") =~ ^(0[0-9][0-9]_[^v]|[0-9][0-9][0-9]_vecmesh_) ]] || [[ $(basename "$file") =~ ^0[0-9][0-9]_ ]] ||
        complain "$file: name it 0NN_TOPIC.pl (one server) or NNN_vecmesh_TOPIC.pl (cluster)"
done
exit $status
