#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# Every C++ file is as clang-format leaves it, and every source file begins with its licence.
# When this fails: clang-format -i FILE; or add the SPDX line that the other files have.
set -euo pipefail
status=0

mapfile -t cpp < <(find extension wal_hooks distribution tests -name '*.cpp' -o -name '*.hpp')
clang-format --dry-run --Werror "${cpp[@]}" || status=1

mapfile -t sources < <(find extension wal_hooks distribution tests sql -name '*.cpp' -o -name '*.hpp' \
    -o -name '*.proto' -o -name '*.pl' -o -name '*.pm' -o -name '*.py' -o -name '*.sh')
for file in run "${sources[@]}"; do
    if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: PostgreSQL'; then
        echo "$file: no SPDX-License-Identifier in its first three lines"
        status=1
    fi
done
exit $status
