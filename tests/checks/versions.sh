#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# META.json names the versions that CMakeLists.txt does, and the install scripts of these versions exist.
set -euo pipefail
status=0
for extension in vector vecmesh; do
    version=$(sed -n "s/^set(${extension^^}_VERSION \([0-9.]*\)).*/\1/p" CMakeLists.txt)
    if [ ! -e "sql/$extension--$version.sql" ]; then
        echo "there is no sql/$extension--$version.sql"
        status=1
    fi
    if ! grep -q "\"file\": \"sql/$extension--$version.sql\"" META.json; then
        echo "META.json does not name $extension $version"
        status=1
    fi
done
exit $status
